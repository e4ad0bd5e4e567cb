//! `earmark publish`: events from a file or standard input onto their subjects.
//!
//! Lines are read and decoded by one task ([`lines`]), published by another with many
//! acknowledgements on the way ([`sender`]), and then, if wanted, waited for ([`wait`]). They go to
//! a [`target`] by its own [`way`]: into a log, or through a pod's [`door`]. A bad line is reported
//! and does not stop the rest.

mod door;
pub mod lines;
mod progress;
mod sender;
mod target;
pub mod wait;
mod way;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;
use tokio::time::Instant;

use self::{
    lines::{Read, Refused},
    progress::Progress,
    sender::{Pace, Posted, Sender},
    target::{Decided, Target, To},
};
use super::{Context, print};
use crate::error::{Exit, Failure};

/// Publish events: one CloudEvent in JSON a line (NDJSON), from a file or from standard input.
///
/// Each line is held to the contract first. A bad line is reported on standard error with its
/// number, the reason, the field and the limit; the others are published all the same, and the
/// command ends with exit code 1.
///
/// Events of one key are published in the order of their lines. Publishing survives a restart of
/// nats-server: what was not acknowledged is published again with the same bytes, which is
/// harmless.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark publish orders.ndjson --wait
  earmark publish orders.ndjson --to shop
  zcat events.ndjson.gz | earmark publish - --rate 5000 --timeout 600")]
pub struct Publish {
    /// The file; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Publish to a directory (of `earmark run --embedded`, whether it is served or not), or to the
    /// pod at http://HOST:PORT, whose token is in EARMARK__HTTP__TOKEN. Without it, to NATS.
    #[arg(long, value_name = "DIR|URL")]
    to: Option<To>,
    /// Publish at most so many events a second.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// Wait until everything published has been decided.
    #[arg(long)]
    wait: bool,
    /// Give up after so many seconds in all, with exit code 4.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// How often it is looked at whether it goes on.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
struct Summary {
    /// Lines that were read, empty ones not counted.
    lines: u64,
    /// Events that the log has acknowledged.
    published: u64,
    /// Lines that were refused.
    refused: u64,
    /// Publishes that were repeated.
    retried: u64,
    /// Bytes published.
    bytes: u64,
    /// Events of which a door does not hear whether they are decided: they have a `replyto`.
    unawaited: u64,
    /// Seconds that publishing took.
    seconds: f64,
    /// Whether everything published has been decided, if that was asked.
    decided: Option<bool>,
    /// The time was over before the work.
    timed_out: bool,
}

impl Publish {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let target = Target::open(context, self.to.as_ref(), self.wait).await?;
        if self.wait && matches!(target.decided, Decided::Never) {
            return Err(Failure::new(
                Exit::Usage,
                "nobody serves the directory: --wait would be for ever",
            )
            .advise("start `earmark run --embedded DIR`, or publish without --wait"));
        }
        let deadline = self.timeout.map(|s| Instant::now() + Duration::from_secs(s));
        let (source, size) = lines::open(&self.file).await.map_err(|error| {
            Failure::new(Exit::Usage, format!("read {}: {error}", self.file.display()))
        })?;
        let progress = Progress::of(size);
        let lines = lines::read(source, target.limits);
        let sender = Sender::new(target.way, &settings.publish);
        let publishing = Publishing {
            sender,
            pace: Pace::new(self.rate),
            give_up_after: settings.publish.give_up_after,
            progress,
            json: context.json,
            summary: Summary::default(),
        };
        let (mut publishing, in_time) = publishing.run(lines, deadline).await?;
        let mut in_time = in_time;
        if self.wait && in_time {
            if let Decided::Journal(nats, partitions) = target.decided {
                let targets = publishing.sender.published(partitions);
                let progress = &publishing.progress;
                in_time = wait::until_decided(settings, *nats, targets, deadline, progress).await;
            }
            publishing.summary.decided = Some(in_time && publishing.summary.unawaited == 0);
        }
        publishing.summary.timed_out = !in_time;
        publishing.progress.finish();
        publishing.summary.tell(context.json);
        Ok(publishing.summary.exit())
    }
}

struct Publishing {
    sender: Sender,
    pace: Pace,
    give_up_after: Duration,
    progress: Progress,
    json: bool,
    summary: Summary,
}

impl Publishing {
    /// Publishes everything; whether it was done in time.
    async fn run(
        mut self,
        mut lines: lines::Lines,
        deadline: Option<Instant>,
    ) -> Result<(Publishing, bool), Failure> {
        let began = Instant::now();
        let mut ended = false;
        let mut in_time = true;
        let mut went_on = began;
        let mut look = tokio::time::interval(LOOK_EVERY);
        while !ended || !self.sender.is_empty() {
            tokio::select! {
                biased;
                () = over(deadline) => { in_time = false; break }
                Some(posted) = self.sender.next(), if !self.sender.is_empty() => {
                    went_on = Instant::now();
                    self.posted(posted)?;
                }
                _ = look.tick(), if !self.sender.is_empty() => self.has_stalled(went_on)?,
                read = self.pace.then(lines.next()), if !ended && self.sender.has_room() => {
                    if self.sender.is_empty() {
                        went_on = Instant::now();
                    }
                    match read {
                        Some(read) => self.read(read)?,
                        None => ended = true,
                    }
                }
            }
            self.progress.show(&self.summary, self.sender.waits_for());
        }
        self.summary.retried = self.sender.retried();
        self.summary.seconds = began.elapsed().as_secs_f64();
        Ok((self, in_time))
    }

    /// Whether the log has taken nothing for too long.
    fn has_stalled(&self, since: Instant) -> Result<(), Failure> {
        let (waited, published) = (since.elapsed(), self.summary.published);
        let Some(waits_for) = self.sender.waits_for().filter(|_| waited >= self.give_up_after)
        else {
            return Ok(());
        };
        self.progress.finish();
        let seconds = waited.as_secs();
        let text = format!("gave up after {seconds} s, {published} events published; {waits_for}");
        Err(Failure::new(Exit::TimedOut, text).advise(
            "see `earmark status` for what is full or away, and publish the same file again: what \
             the log has already is decided once; publish.give_up_after_s says how long is waited",
        ))
    }

    fn read(&mut self, read: Read) -> Result<(), Failure> {
        match read {
            Read::Event(event) => {
                self.summary.lines += 1;
                self.progress.read_to(event.end);
                self.pace.spend();
                self.sender.post(event);
            }
            Read::Refused(refused) => {
                self.summary.lines += 1;
                self.refuse(&refused);
            }
            Read::Broken(error) => {
                return Err(Failure::new(Exit::Failed, format!("read a line: {error}")));
            }
        }
        Ok(())
    }

    fn posted(&mut self, posted: Posted) -> Result<(), Failure> {
        match posted {
            Posted::Acknowledged { bytes, unawaited } => {
                self.summary.published += 1;
                self.summary.unawaited += u64::from(unawaited);
                self.summary.bytes += bytes as u64;
            }
            Posted::Refused(refused) => self.refuse(&refused),
            Posted::Closed(failure) => return Err(failure),
        }
        Ok(())
    }

    fn refuse(&mut self, refused: &Refused) {
        self.summary.refused += 1;
        let json = self.json;
        self.progress.aside(|| match json {
            true => print::json_error(refused),
            false => print::aside(refused),
        });
    }
}

async fn over(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

impl Summary {
    fn exit(&self) -> Exit {
        if self.timed_out {
            Exit::TimedOut
        } else if self.refused > 0 {
            Exit::Failed
        } else {
            Exit::Done
        }
    }

    fn tell(&self, json: bool) {
        if json {
            return print::json(self);
        }
        let rate = self.published as f64 / self.seconds.max(1e-3);
        let Summary { lines, published, refused, retried, seconds, .. } = self;
        print::line(format!(
            "{published} of {lines} events published in {seconds:.1} s ({rate:.0} a second), \
             {refused} lines refused, {retried} publishes repeated"
        ));
        match self.decided {
            Some(true) => print::line("everything published has been decided"),
            Some(false) if self.unawaited > 0 && !self.timed_out => print::line(format!(
                "{} events have a `replyto`: whether they are decided is said there, and not here",
                self.unawaited
            )),
            Some(false) => print::line("not everything published was decided in time"),
            None if self.timed_out => print::line("the time was over before the end of the lines"),
            None => {}
        }
    }
}
