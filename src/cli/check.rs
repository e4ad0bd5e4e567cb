//! `earmark check`: whether everything is as a pod needs it, and what to do about what is not.

use clap::Args;
use serde::Serialize;

use super::{Context, print, setup::unseeded};
use crate::{
    clock::SystemClock,
    config::Settings,
    error::{Exit, Failure, keep_partitions},
    nats::{NatsInput, NatsJournal, setup},
    ports::{Clock, Input, PortError},
    redis::link::Link,
    supervisor::policy,
};

/// The oldest nats-server that has all we use.
const NATS_SINCE: (u32, u32) = (2, 12);

/// Check the settings, both servers, the streams, the partitions' first records and the clock.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark check && earmark run")]
pub struct Check {}

/// One thing that was looked at.
#[derive(Serialize)]
struct Looked {
    what: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

impl Looked {
    fn ok(what: &'static str, found: impl Into<String>) -> Looked {
        Looked { what, ok: true, found: found.into(), action: None, exit: Exit::Done }
    }

    fn wrong(what: &'static str, found: impl Into<String>, action: impl Into<String>) -> Looked {
        let (found, action) = (found.into(), Some(action.into()));
        Looked { what, ok: false, found, action, exit: Exit::Failed }
    }

    fn unreachable(what: &'static str, error: &PortError) -> Looked {
        let action = "see that the server runs and that its address is right";
        Looked { exit: Exit::Unreachable, ..Looked::wrong(what, error.to_string(), action) }
    }
}

impl Check {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let mut looked = vec![Looked::ok("settings", "in range and in agreement")];
        match context.connect("check").await {
            Ok(nats) => look_at_nats(&mut looked, settings, &nats).await,
            Err(error) => looked.push(Looked::unreachable("NATS", &error)),
        }
        looked.push(look_at_redis(settings).await);
        match context.json {
            true => print::json(&looked),
            false => tell(&looked),
        }
        let worst = looked.iter().map(|looked| looked.exit as u8).max().unwrap_or_default();
        let exit = looked.iter().find(|looked| looked.exit as u8 == worst);
        Ok(exit.map_or(Exit::Done, |looked| looked.exit))
    }
}

async fn look_at_nats(
    looked: &mut Vec<Looked>,
    settings: &Settings,
    nats: &async_nats::jetstream::Context,
) {
    let server = nats.client().server_info();
    looked.push(match version(&server.version) {
        Some(version) if version < NATS_SINCE => Looked::wrong(
            "NATS",
            format!("nats-server {}", server.version),
            format!("use nats-server {}.{} or newer", NATS_SINCE.0, NATS_SINCE.1),
        ),
        _ => Looked::ok("NATS", format!("nats-server {}", server.version)),
    });
    looked.push(look_at_size(settings, server.max_payload));
    let preview = setup::preview(nats, &settings.streams).await;
    // The partitions of another number are not those to look at.
    let differ = matches!(preview, Err(setup::SetupError::PartitionsDiffer { .. }));
    looked.push(streams(preview));
    if !differ {
        looked.push(look_at_first_records(settings, nats).await);
    }
    looked.push(look_at_clock(settings, nats).await);
}

fn streams(preview: Result<Vec<setup::Change>, setup::SetupError>) -> Looked {
    match preview {
        Ok(changes) if changes.is_empty() => Looked::ok("streams", "as the settings say"),
        Ok(changes) => {
            let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
            Looked::wrong("streams", changes.join("\n"), "run `earmark setup`")
        }
        Err(setup::SetupError::Port(error)) => Looked::unreachable("streams", &error),
        Err(error @ setup::SetupError::PartitionsDiffer { stored, .. }) => {
            Looked::wrong("streams", error.to_string(), keep_partitions(stored))
        }
        Err(error) => Looked::wrong("streams", error.to_string(), "correct [streams]"),
    }
}

async fn look_at_first_records(
    settings: &Settings,
    nats: &async_nats::jetstream::Context,
) -> Looked {
    let (page, partitions) = (settings.engine.journal_page_bytes, settings.streams.partitions);
    let journal = NatsJournal::new(nats.clone(), settings.reader.clone(), page);
    match unseeded(&journal, partitions).await {
        Ok(missing) if missing.is_empty() => {
            Looked::ok("first records", format!("of all {partitions} partitions"))
        }
        Ok(missing) => {
            Looked::wrong("first records", format!("none of {missing:?}"), "run `earmark setup`")
        }
        Err(error) => Looked::wrong("first records", error.to_string(), "run `earmark setup`"),
    }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
    Some((parts.next()??, parts.next()??))
}

fn look_at_size(settings: &Settings, max_payload: usize) -> Looked {
    let headroom = settings.streams.in_headroom_bytes as usize;
    let (largest, room) = (settings.limits.event_bytes_max, max_payload.saturating_sub(headroom));
    let found = format!(
        "events of up to {largest} bytes, messages of up to {max_payload} less {headroom} bytes"
    );
    match largest <= room {
        true => Looked::ok("size of events", found),
        false => Looked::wrong(
            "size of events",
            found,
            "raise max_payload of nats-server, or lower contract.event_bytes_max",
        ),
    }
}

async fn look_at_clock(settings: &Settings, nats: &async_nats::jetstream::Context) -> Looked {
    let input = NatsInput::new(nats.clone(), settings.reader.clone());
    let before = SystemClock.now();
    let server = input.server_time().await;
    match server {
        Ok(server) => {
            let off = policy::clock_off(before, server, SystemClock.now());
            let max = settings.supervisor.clock_off_max;
            let found = format!("{} ms off nats-server's", off.as_millis());
            match policy::clock_is_right(off, max) {
                true => Looked::ok("clock", found),
                false => Looked::wrong(
                    "clock",
                    format!("{found}; {} ms are allowed", max.as_millis()),
                    "set it right, by NTP",
                ),
            }
        }
        Err(error) => {
            Looked::wrong("clock", error.to_string(), "run `earmark setup`, then check again")
        }
    }
}

async fn look_at_redis(settings: &Settings) -> Looked {
    let ask = async {
        let link = Link::new(&settings.redis)?;
        let pong: String = link.command("ask Redis", &redis::cmd("PING")).await?;
        let info: String = link.command("ask Redis", redis::cmd("INFO").arg("server")).await?;
        let line = info.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok::<_, PortError>(format!("{pong}, version {}", line.unwrap_or("unknown").trim()))
    };
    match ask.await {
        Ok(found) => Looked::ok("Redis", found),
        Err(error) => Looked::unreachable("Redis", &error),
    }
}

fn tell(looked: &[Looked]) {
    for Looked { what, ok, found, action, .. } in looked {
        let found = found.replace('\n', "\n      ");
        print::line(format!("{}  {what}: {found}", if *ok { "ok   " } else { "WRONG" }));
        if let Some(action) = action {
            print::line(format!("       what to do: {action}"));
        }
    }
}
