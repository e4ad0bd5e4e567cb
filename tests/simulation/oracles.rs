//! Which promise a run broke: each check of the simulator has a name, with which its violations
//! begin, so that a bug that is put in on purpose can be said to be found by the check for it.

use std::fmt;

/// A check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// Partitions that lost nothing go on.
    Alone,
    /// An archive is the fold of the journal.
    Archive,
    /// What a pod answers was committed, and was so when it was asked or since.
    Asked,
    /// What a partition says of all its entities is what they come to.
    Books,
    /// Each record follows the one before, in time, too; its cursors go on, unless it says what was
    /// lost; and its facts can be applied.
    Chain,
    /// What was counted is what is there, but for what moved since.
    Count,
    /// A deadline is judged by when the log took an event, and a timer by how far it was read.
    Deadline,
    /// Nothing leaves before it is committed.
    Early,
    /// There was something to find fault with.
    Few,
    /// What a SKU said it let go of is not promised again.
    Gone,
    /// Dead letters leave, with the bytes that were published.
    Letters,
    /// What clients were told of a SKU could come from one shelf.
    Linearizable,
    /// A journal that lost records is not gone on with.
    Loss,
    /// Each event is decided once.
    Once,
    /// What came first is decided first, of each entity and lane.
    Order,
    /// Each outcome stands in EARMARK_OUT once.
    Out,
    /// No more is promised beyond stock than the SKU allows.
    Oversold,
    /// Nothing panics that is not to.
    Panic,
    /// Who is quarantined decides nothing.
    Quarantine,
    /// Everything was read.
    Read,
    /// A partition refuses to serve only where its journal lost records.
    Refused,
    /// A repeat is answered as the first time.
    Repeat,
    /// Nobody waits for anybody, and orders and SKUs tell the same story.
    Rest,
    /// The same seed does the same.
    Same,
    /// What is shown is true, and never older than what was shown.
    Shown,
    /// The snapshot is the fold of the journal.
    Snapshot,
    /// Effects leave in the order of their records, later ones once all before are acknowledged.
    Turn,
    /// Units are conserved.
    Units,
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", format!("{self:?}").to_lowercase())
    }
}
