//! Purges what has been decided: each partition's commands at once, EARMARK_IN when no partition
//! needs it and it is old enough, or the stream is nearly full.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{event::Lane, time::Timestamp},
    ports::{Input, Needed, Partition, PortError, Source},
};

/// Any lane: they share a stream.
const LANES: Source = Source::Lane(Lane::Settlement);

/// How far each stream has been purged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// All but this is gone from EARMARK_IN.
    pub lanes: Option<Needed>,
    /// Everything below this is gone of a partition's commands.
    pub commands: BTreeMap<Partition, u64>,
}

/// What may be purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// Nobody needs more than this of EARMARK_IN.
    pub lanes: Option<Needed>,
    /// Nothing that was logged since is purged from EARMARK_IN.
    pub lanes_until: Timestamp,
    /// What no partition needs of its commands: everything below this.
    pub commands: Vec<(Partition, u64)>,
}

/// Purges what may be purged; how far it came.
pub async fn purge(input: Arc<dyn Input>, done: Purged, permitted: Permitted) -> Purged {
    let mut purged = done;
    for (partition, below) in permitted.commands {
        if purged.commands.get(&partition) == Some(&below) {
            continue;
        }
        match input.purge_commands(partition, below).await {
            Ok(()) => drop(purged.commands.insert(partition, below)),
            Err(error) => tracing::warn!(partition, %error, "EARMARK_CMD was not purged"),
        }
    }
    if let Some(needed) = permitted.lanes.filter(|needed| Some(*needed) != purged.lanes) {
        let of_it = purged.lanes.filter(|purged| purged.log == needed.log);
        let from = of_it.map_or(1, |purged| purged.from.min(needed.from));
        match purge_lanes(&*input, from, needed, permitted.lanes_until).await {
            Ok(kept) => purged.lanes = Some(kept),
            Err(error) => tracing::warn!(%error, "EARMARK_IN was not purged"),
        }
    }
    purged
}

async fn purge_lanes(
    input: &dyn Input,
    from: u64,
    needed: Needed,
    until: Timestamp,
) -> Result<Needed, PortError> {
    let kept = Needed { from: first_since(input, from, needed.from, until).await?, ..needed };
    if kept.from > from {
        input.purge_lanes(kept).await?;
    }
    Ok(kept)
}

/// The first sequence in `low..high` whose message was logged at or after `since`; `high` if there
/// is none. Messages that are gone count as old: they are gone from the beginning. Where a log lost
/// some in the middle, a few that nobody needs may go early.
pub async fn first_since(
    input: &dyn Input,
    mut low: u64,
    mut high: u64,
    since: Timestamp,
) -> Result<u64, PortError> {
    while low < high {
        let middle = low + (high - low) / 2;
        match input.fetch(LANES, middle).await? {
            Some(message) if message.at >= since => high = middle,
            Some(_) | None => low = middle + 1,
        }
    }
    Ok(low)
}
