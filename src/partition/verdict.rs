//! Whether a partition may be served, and from what it is brought back: the rule that recovery goes
//! by, and that commands tell before it does.
//!
//! Promises: a pure function of positions. A journal that ends or begins elsewhere than what is
//! known to have been committed is never taken for one that only begins.

use super::{
    entry::Entry,
    record::{Header, Record},
};
use crate::{
    mutants::{self, Mutant},
    ports::{Partition, Position},
};

/// With what a journal begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// The record that `earmark setup` writes.
    Genesis(Position),
    /// A record that begins the partition anew from an archive.
    Reseeded(Position),
    /// A record that follows others, which are not there any more.
    Later(Position),
}

impl Begins {
    /// With a record that stands at this sequence.
    pub fn with(sequence: u64, record: &Record) -> Begins {
        let at = record.position(sequence);
        match record.entries.as_slice() {
            [Entry::Genesis] if record.header.previous.is_none() => Begins::Genesis(at),
            [Entry::Reseeded { .. }] => Begins::Reseeded(at),
            _ => Begins::Later(at),
        }
    }

    /// Whether all of the partition can be folded from there.
    pub fn is_a_beginning(self) -> bool {
        !matches!(self, Begins::Later(_))
    }

    /// Where that record stands.
    pub fn at(self) -> Position {
        match self {
            Begins::Genesis(at) | Begins::Reseeded(at) | Begins::Later(at) => at,
        }
    }
}

/// What fits the journal: the record that it stands at is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fits {
    /// The snapshot.
    pub snapshot: bool,
    /// An archive.
    pub archive: bool,
}

/// What a partition is brought back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// The snapshot.
    Snapshot,
    /// The newest archive that fits.
    Archive,
    /// The journal's first record.
    Beginning,
}

/// What a partition is brought back from, or in words why it is not. `known` are the positions that
/// are known to have been committed, and were read before the journal's end.
pub fn base(
    known: impl IntoIterator<Item = Position> + Clone,
    (begins, end): (Begins, Position),
    fits: Fits,
) -> Result<Base, String> {
    if let Some(lost) = lost_tail(known.clone(), end) {
        return Err(lost);
    }
    match (fits, begins) {
        (Fits { snapshot: true, .. }, _) => Ok(Base::Snapshot),
        (Fits { archive: true, .. }, _) => Ok(Base::Archive),
        (_, Begins::Reseeded(_)) => Ok(Base::Beginning),
        // Where an operator has begun a new incarnation since, that was looked at.
        (_, Begins::Genesis(genesis)) if genesis.incarnation < end.incarnation => {
            Ok(Base::Beginning)
        }
        (_, Begins::Genesis(genesis)) => {
            another_beginning(known, genesis).map_or(Ok(Base::Beginning), Err)
        }
        (_, Begins::Later(first)) => Err(format!(
            "the journal begins at record {}, which is not its first, and neither Redis nor an \
             archive has a snapshot that fits it",
            first.sequence
        )),
    }
}

/// A journal that ends before something known to have been committed lost its tail, or another one
/// stands in its place; in words.
pub fn lost_tail(known: impl IntoIterator<Item = Position>, end: Position) -> Option<String> {
    let known = known.into_iter().filter(|_| !mutants::is_in(Mutant::TailLossUnnoticed));
    let beyond = known.filter(|known| *known > end).max()?;
    Some(match beyond.incarnation == end.incarnation {
        true => format!(
            "record {} is known to be committed, but the journal ends at {}: JetStream lost \
             acknowledged writes",
            beyond.sequence, end.sequence
        ),
        false => format!(
            "record {} of incarnation {} is known to be committed, but the journal ends at {} of \
             incarnation {}: it was emptied, replaced or put back from a backup, and lost \
             acknowledged writes",
            beyond.sequence, beyond.incarnation, end.sequence, end.incarnation
        ),
    })
}

/// A first record behind one that was committed is the beginning of another journal; in words.
fn another_beginning(
    known: impl IntoIterator<Item = Position>,
    genesis: Position,
) -> Option<String> {
    let before = |known: &Position| {
        known.incarnation == genesis.incarnation && known.sequence < genesis.sequence
    };
    let known = known.into_iter().filter(before).max()?;
    Some(format!(
        "record {} is known to be committed, but the journal begins at {}: it was emptied or \
         replaced, and lost acknowledged writes",
        known.sequence, genesis.sequence
    ))
}

/// A record of another partition, or of another number of them, is not gone on from; in words.
pub fn of_others(header: &Header, partition: Partition, partitions: Partition) -> Option<String> {
    let same = (header.partition, header.partitions) == (partition, partitions);
    (!same).then(|| {
        format!(
            "the journal is of partition {} of {}, and {partition} of {partitions} is configured",
            header.partition, header.partitions
        )
    })
}
