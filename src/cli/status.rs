//! `earmark status`: how far each partition has come, and how far it is behind.

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{Context, print};
use crate::{
    contract::time,
    domain::time::{Span, Timestamp},
    error::{Exit, Failure},
    nats::{NatsDepths, NatsInput, NatsJournal},
    partition::{record::decode_header, recovery::lost_tail},
    ports::{Input, Journal, Partition, PortError, Position, Snapshots, Source},
    redis::RedisSnapshots,
    supervisor::{Depths, StreamUsage, Unread},
};

/// Questions that are asked at a time.
const AT_A_TIME: usize = 8;

/// Show each partition's position, owner and lag, and how full the streams are.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark status
  earmark status --json | jq .unread")]
pub struct Status {}

#[derive(Serialize)]
struct Standing {
    partition: Partition,
    /// The journal's sequence of its last record; none before `earmark setup`.
    position: Option<u64>,
    owner: String,
    decided_at: String,
    /// Why nobody may serve it, as far as the stores tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
    unread: u64,
    oldest_unread_s: Option<f64>,
    sources: Vec<SourceStanding>,
}

#[derive(Serialize)]
struct SourceStanding {
    source: &'static str,
    cursor: u64,
    unread: u64,
    oldest_unread_s: Option<f64>,
}

#[derive(Serialize)]
struct Told {
    unread: u64,
    oldest_unread_s: Option<f64>,
    partitions: Vec<Standing>,
    streams: Vec<StreamUsage>,
}

impl Status {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let nats = context.connect("status").await?;
        let page = settings.engine.journal_page_bytes;
        let journal = NatsJournal::new(nats.clone(), settings.reader.clone(), page);
        let input = NatsInput::new(nats.clone(), settings.reader.clone());
        let depths = NatsDepths::new(nats);
        let snapshots = RedisSnapshots::new(settings.redis.clone())?;
        let now = input.server_time().await.map_err(not_set_up)?;
        let standings = stream::iter(0..settings.streams.partitions)
            .map(|partition| standing(partition, &journal, &snapshots, &depths, now))
            .buffered(AT_A_TIME);
        let partitions: Vec<Standing> = standings.try_collect().await.map_err(not_set_up)?;
        let streams = depths.usage().await.map_err(not_set_up)?;
        let told = Told {
            unread: partitions.iter().map(|standing| standing.unread).sum(),
            oldest_unread_s: oldest(partitions.iter().map(|standing| standing.oldest_unread_s)),
            partitions,
            streams,
        };
        match context.json {
            true => print::json(&told),
            false => told.tell(),
        }
        Ok(Exit::Done)
    }
}

fn not_set_up(error: PortError) -> Failure {
    Failure::new(Exit::Failed, error).advise("`earmark check` says what is missing")
}

fn oldest(ages: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    ages.flatten().reduce(f64::max)
}

async fn standing(
    partition: Partition,
    journal: &NatsJournal,
    snapshots: &RedisSnapshots,
    depths: &NatsDepths,
    now: Timestamp,
) -> Result<Standing, PortError> {
    // What is known of the journal's end is read before the end itself: its owner appends.
    let known = known(partition, snapshots).await;
    let last = journal.last(partition).await?;
    let read = last.as_ref().and_then(|last| Some((last, decode_header(&last.record).ok()?.0)));
    let mut sources = Vec::new();
    for source in Source::ALL {
        let cursor = read.as_ref().map_or(0, |(_, h)| h.cursors[source.index()].sequence);
        let Unread { messages, oldest } = depths.unread(partition, source, cursor).await?;
        let age = oldest.map(|oldest| ((now - oldest).0 as f64 / 1e6).max(0.0));
        let source = source.as_str();
        sources.push(SourceStanding { source, cursor, unread: messages, oldest_unread_s: age });
    }
    let refused = match &read {
        Some((last, header)) => {
            let (incarnation, sequence) = (header.incarnation, last.sequence);
            lost_tail(known, Position { incarnation, sequence })
        }
        None => Some("it has no first record: run `earmark setup`".to_owned()),
    };
    let header = read.as_ref().map(|(_, header)| header);
    Ok(Standing {
        partition,
        position: last.as_ref().map(|last| last.sequence),
        owner: header.map_or_else(|| "-".to_owned(), |header| header.owner.clone()),
        decided_at: header.map_or_else(String::new, |header| time::format(header.decided_at)),
        refused,
        unread: sources.iter().map(|source| source.unread).sum(),
        oldest_unread_s: oldest(sources.iter().map(|source| source.oldest_unread_s)),
        sources,
    })
}

/// What Redis knows of a partition's journal; nothing while it is away.
async fn known(partition: Partition, snapshots: &RedisSnapshots) -> Vec<Position> {
    let committed = snapshots.committed(partition).await.ok().flatten();
    let snapshot = snapshots.state(partition).await.ok().flatten();
    committed.into_iter().chain(snapshot.map(|(position, _)| position)).collect()
}

fn age(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |s| print::span(Span((s * 1e6) as i64)))
}

impl Told {
    fn tell(&self) {
        let mut headings =
            vec!["partition", "position", "last decision", "owner", "unread", "oldest"];
        headings.extend(Source::ALL.map(Source::as_str));
        let mut table = print::table(&headings);
        for of in &self.partitions {
            let mut row = vec![
                of.partition.to_string(),
                of.position.map_or_else(|| "none".to_owned(), |at| at.to_string()),
                of.decided_at.clone(),
                of.owner.clone(),
                of.unread.to_string(),
                age(of.oldest_unread_s),
            ];
            row.extend(of.sources.iter().map(|source| source.unread.to_string()));
            table.add_row(row);
        }
        print::line(table);
        for of in &self.partitions {
            if let Some(why) = &of.refused {
                print::line(format!("partition {} cannot be served: {why}", of.partition));
            }
        }
        let (unread, oldest) = (self.unread, age(self.oldest_unread_s));
        print::line(format!("{unread} unread in all, the oldest {oldest}\n"));
        let mut table = print::table(&["stream", "messages", "size", "at most", "full"]);
        for usage in &self.streams {
            table.add_row([
                usage.stream.to_owned(),
                usage.messages.to_string(),
                print::bytes(usage.bytes),
                usage.bytes_max.map_or_else(|| "-".to_owned(), print::bytes),
                usage.fullness().map_or_else(|| "-".to_owned(), |f| format!("{:.1}%", f * 100.0)),
            ]);
        }
        print::line(table);
    }
}
