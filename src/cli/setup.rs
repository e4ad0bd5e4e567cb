//! `earmark setup`: the streams and buckets, and the first record of each partition.

use clap::Args;
use serde::Serialize;

use super::{Context, print};
use crate::{
    clock::SystemClock,
    error::{Exit, Failure},
    nats::{
        NatsJournal, names,
        setup::{self, Change},
    },
    partition,
    ports::{Journal, Partition, PortError},
};

/// Make the streams and buckets what the settings say, and give each partition its first record.
///
/// It may be repeated: what is as it should be is left alone. The number of partitions is fixed by
/// the first time.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark setup --dry-run     # what would change
  earmark setup")]
pub struct Setup {
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Done {
    dry_run: bool,
    changes: Vec<Change>,
    seeded: Vec<Partition>,
}

impl Setup {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let nats = context.connect("setup").await?;
        let page = settings.engine.journal_page_bytes;
        let journal = NatsJournal::new(nats.clone(), settings.reader.clone(), page);
        let partitions = settings.streams.partitions;
        let (changes, seeded) = match self.dry_run {
            true => {
                let changes = setup::preview(&nats, &settings.streams).await?;
                let new = creates(&changes, names::JOURNAL);
                let unseeded = match new {
                    true => (0..partitions).collect(),
                    false => unseeded(&journal, partitions).await?,
                };
                (changes, unseeded)
            }
            false => {
                let changes = setup::apply(&nats, &settings.streams).await?;
                (changes, seed(&journal, partitions).await?)
            }
        };
        let done = Done { dry_run: self.dry_run, changes, seeded };
        match context.json {
            true => print::json(&done),
            false => done.tell(partitions),
        }
        Ok(Exit::Done)
    }
}

fn creates(changes: &[Change], name: &str) -> bool {
    changes.iter().any(|change| matches!(change, Change::Create { stream } if stream == name))
}

/// The partitions without a first record.
pub async fn unseeded(
    journal: &dyn Journal,
    partitions: Partition,
) -> Result<Vec<Partition>, PortError> {
    let mut unseeded = Vec::new();
    for partition in 0..partitions {
        if journal.last(partition).await?.is_none() {
            unseeded.push(partition);
        }
    }
    Ok(unseeded)
}

async fn seed(journal: &dyn Journal, partitions: Partition) -> Result<Vec<Partition>, Failure> {
    let seeded = partition::seed_all(journal, partitions, &SystemClock).await;
    seeded.map_err(|exit| match exit {
        partition::Exit::Refused(why) => Failure::unreachable(why),
        exit => Failure::new(Exit::Failed, format!("{exit:?}")),
    })
}

impl Done {
    fn tell(&self, partitions: Partition) {
        self.changes.iter().for_each(print::line);
        let will = if self.dry_run { "would be given" } else { "were given" };
        match self.seeded.len() {
            0 => {}
            seeded => print::line(format!(
                "+ {seeded} of {partitions} partitions {will} their first record"
            )),
        }
        if self.changes.is_empty() && self.seeded.is_empty() {
            print::line("everything is as it should be");
        }
    }
}
