//! Purges what every partition has decided: EARMARK_CMD at once, EARMARK_IN when it is old enough.

use std::sync::Arc;

use crate::{
    domain::{event::Lane, time::Timestamp},
    ports::{Input, PortError, Source},
};

/// Any lane: they share a stream.
const LANES: Source = Source::Lane(Lane::Settlement);

/// How far each stream has been purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Everything below this is gone from EARMARK_IN.
    pub lanes: u64,
    /// Everything below this is gone from EARMARK_CMD.
    pub commands: u64,
}

/// What may be purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permitted {
    /// Nobody needs anything below this of EARMARK_IN.
    pub lanes: Option<u64>,
    /// Nothing that was logged since is purged from EARMARK_IN.
    pub lanes_until: Timestamp,
    /// Nobody needs anything below this of EARMARK_CMD.
    pub commands: Option<u64>,
}

/// Purges what may be purged; how far it came.
pub async fn purge(input: Arc<dyn Input>, done: Purged, permitted: Permitted) -> Purged {
    let mut purged = done;
    if let Some(below) = permitted.commands.filter(|below| *below != done.commands) {
        match input.purge(Source::Commands, below).await {
            Ok(()) => purged.commands = below,
            Err(error) => tracing::warn!(%error, "EARMARK_CMD was not purged"),
        }
    }
    if let Some(below) = permitted.lanes.filter(|below| *below != done.lanes) {
        match purge_lanes(&*input, done.lanes.min(below), below, permitted.lanes_until).await {
            Ok(below) => purged.lanes = below,
            Err(error) => tracing::warn!(%error, "EARMARK_IN was not purged"),
        }
    }
    purged
}

async fn purge_lanes(
    input: &dyn Input,
    from: u64,
    below: u64,
    until: Timestamp,
) -> Result<u64, PortError> {
    let below = first_since(input, from.max(1), below, until).await?;
    if below > from.max(1) {
        input.purge(LANES, below).await?;
    }
    Ok(below)
}

/// The first sequence in `low..high` whose message was logged at or after `since`; `high` if there
/// is none. Messages that are gone count as old: they are gone from the beginning.
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
