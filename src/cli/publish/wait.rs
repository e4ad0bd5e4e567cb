//! Waits until what was published has been decided, whoever decides it and however often servers
//! and pods are started meanwhile: only the journal is asked.

use std::{collections::BTreeMap, time::Duration};

use async_nats::jetstream::Context;
use tokio::time::Instant;

use super::{progress::Progress, sender::Published};
use crate::{
    config::Settings,
    nats::NatsJournal,
    partition::record::decode_header,
    ports::{Cursor, Journal, Partition, Source},
};

/// How often the journal is asked.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Waits until every target is passed, or until the deadline; whether they are.
pub async fn until_decided(
    settings: &Settings,
    nats: Context,
    mut targets: Published,
    deadline: Option<Instant>,
    progress: &Progress,
) -> bool {
    let page = settings.engine.journal_page_bytes;
    let journal = NatsJournal::new(nats, settings.reader.clone(), page);
    while !targets.is_empty() {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return false;
        }
        let mut cursors = BTreeMap::new();
        for (partition, _) in targets.keys() {
            if !cursors.contains_key(partition) {
                cursors.insert(*partition, read(&journal, *partition).await);
            }
        }
        targets.retain(|place, sequence| !is_passed(&cursors, *place, *sequence));
        let partitions = targets.keys().map(|(partition, _)| partition);
        let left = partitions.collect::<std::collections::BTreeSet<_>>().len();
        progress.say(format!("{left} partitions have events to decide"));
        if !targets.is_empty() {
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
    true
}

/// The cursors of each partition's last record, as far as they could be read.
pub type Cursors = BTreeMap<Partition, Option<[Cursor; 5]>>;

/// Whether a partition's own cursor of a source is at this sequence.
pub fn is_passed(
    cursors: &Cursors,
    (partition, source): (Partition, Source),
    sequence: u64,
) -> bool {
    let of = cursors.get(&partition).copied().flatten();
    of.is_some_and(|cursors| cursors[source.index()].sequence >= sequence)
}

/// The cursors of a partition's last record; nothing while the server is away.
async fn read(journal: &NatsJournal, partition: Partition) -> Option<[Cursor; 5]> {
    match journal.last(partition).await {
        Ok(last) => Some(decode_header(&last?.record).ok()?.0.cursors),
        Err(error) => {
            tracing::debug!(%error, "the journal is asked again");
            None
        }
    }
}
