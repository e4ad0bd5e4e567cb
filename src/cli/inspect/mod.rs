//! `earmark inspect`: an entity's state, open holds and history, from the journal and archives.

pub mod history;
mod show;

use std::collections::VecDeque;

use clap::{Args, Subcommand};
use serde::Serialize;

use self::history::{Item, item};
use super::{Context, print};
use crate::{
    contract::{partition_of, time},
    domain::{
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    error::{Exit, Failure},
    inspecting::{Found, Kept, fold, state},
    nats::{NatsJournal, NatsShelf},
    ports::Partition,
};

/// Show a SKU or an order: its state, its open holds, and what happened to it, with the causes.
///
/// It is read from the journal, as it is committed, and where that was trimmed, from an archive; no
/// pod has to run. The exit code is 1 if they have nothing of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark inspect sku 85123A
  earmark inspect sku 85123A --until 2026-11-27T09:30:00Z   # as it was then
  earmark inspect order 536365 --limit 20 --json")]
pub struct Inspect {
    #[command(subcommand)]
    what: What,
    /// Show at most so many entries of the history, the newest.
    #[arg(long, global = true, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Show it as it was at this time, in RFC 3339.
    #[arg(long, global = true, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A stock keeping unit.
    Sku {
        /// Its key, as events name it in `subject`.
        key: String,
    },
    /// An order.
    Order {
        /// Its key, as events name it in `subject`.
        key: String,
    },
}

#[derive(Serialize)]
struct Told {
    entity: &'static str,
    key: String,
    partition: Partition,
    quarantined: Option<String>,
    state: serde_json::Value,
    /// How many entries the journal has, of which `history` has the newest.
    entries: usize,
    /// The archive that the state goes on from, where what was before has been trimmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<String>,
    history: Vec<Item>,
}

impl Inspect {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let key = self.key()?;
        let partition = partition_of(&key, settings.streams.partitions);
        let nats = context.connect("inspect").await?;
        let page = settings.engine.journal_page_bytes;
        let shelf = NatsShelf::new(nats.clone(), settings.reader.clone());
        let journal = NatsJournal::new(nats, settings.reader.clone(), page);
        let partitions = settings.streams.partitions;
        let kept = Kept { journal: &journal, shelf: Some(&shelf), partition, partitions };
        let mut history = VecDeque::new();
        let found = fold(&kept, &key, self.until, |at, time, entry| {
            history.push_back(item(at, time, entry));
            if history.len() > self.limit {
                history.pop_front();
            }
        });
        let found = found.await?;
        if found.entries == 0 && found.archive.is_none() {
            let text = format!("the journal of partition {partition} has nothing of {key}");
            let action = "see that the key is spelled as in `subject`, that the events were \
                          published, and that a pod runs (`earmark status`)";
            return Err(Failure::new(Exit::Failed, text).advise(action));
        }
        match context.json {
            true => print::json(&told(&key, partition, found, history)?),
            false => show::tell(&key, partition, &found, &history),
        }
        Ok(Exit::Done)
    }

    fn key(&self) -> Result<EntityKey, Failure> {
        let (key, name) = match &self.what {
            What::Sku { key } => (Sku::new(key).map(EntityKey::Sku), key),
            What::Order { key } => (OrderId::new(key).map(EntityKey::Order), key),
        };
        key.map_err(|why| {
            Failure::new(Exit::Usage, format!("{name:?} is no key: {why}"))
                .advise("name the SKU or the order as it is published, not percent-encoded")
        })
    }
}

fn moment(text: &str) -> Result<Timestamp, String> {
    let expected = "it is no time in RFC 3339, like 2026-01-31T12:00:00Z";
    time::parse(text).ok_or_else(|| expected.to_owned())
}

fn told(
    key: &EntityKey,
    partition: Partition,
    found: Found,
    history: VecDeque<Item>,
) -> Result<Told, Failure> {
    let state = state(&found.state);
    Ok(Told {
        entity: key.entity(),
        key: key.key().to_owned(),
        partition,
        quarantined: found.quarantined,
        state: state.map_err(|error| Failure::new(Exit::Failed, error))?,
        entries: found.entries,
        archive: found.archive,
        history: history.into(),
    })
}
