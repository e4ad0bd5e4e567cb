//! A partition: reads, lets actors decide, commits, and then lets effects leave.
//!
//! The rooms, in the order in which an event passes them: [`intake`] reads it at a cursor,
//! [`items`] makes it an input, an actor decides ([`crate::actors`]), [`batch`] collects what was
//! decided, [`commit`] appends the batch to the journal as one [`record`], [`release`] lets its
//! [`effects`] leave, [`keeper`] folds it into the snapshot. [`recovery`] walks the same way from
//! the journal. While one batch is being committed the next one fills; nothing of either is seen
//! outside before it is committed.

pub mod arming;
mod asking;
mod backlog;
pub mod batch;
pub mod books;
pub mod commands;
pub mod commit;
mod committing;
mod dead_letters;
mod deciding;
pub mod dues;
pub mod effects;
pub mod entry;
pub mod fold;
pub mod format;
pub mod gates;
pub mod held;
mod housekeeping;
pub mod intake;
pub mod items;
pub mod keeper;
mod lateness;
mod leaving;
mod loading;
mod noting;
mod owner;
pub mod pace;
mod pausing;
mod reading;
mod rebuilding;
pub mod record;
pub mod recovery;
mod reinstating;
pub mod release;
mod restoring;
mod reviving;
mod seed;
pub mod shedding;
mod showing;
mod singly;
pub mod state;
pub mod verdict;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    actors::Tap,
    archive::{ArchivePorts, Archiving},
    contract::{Catalogue, Limits},
    domain::{
        Breach,
        policy::Policy,
        time::{Span, Timestamp},
    },
    ports::{Clock, Cursor, Input, Journal, Needed, Outbox, Partition, Position, Snapshots},
    query::Desks,
};

pub use format::Formats;
pub use intake::{Credit, Reinstatement};
use keeper::SnapshotLost;
pub use lateness::{Lateness, Named};
pub use owner::serve;
pub use pace::{Limit, Pace};
pub use seed::{Begin, Seeded, begin_incarnation, seed, seed_all};
pub use singly::Hands;

/// The doors to the outside.
#[derive(Clone)]
pub struct Ports {
    /// What is read.
    pub input: Arc<dyn Input>,
    /// Where decisions are committed.
    pub journal: Arc<dyn Journal>,
    /// Where effects go.
    pub outbox: Arc<dyn Outbox>,
    /// Where the fold is kept.
    pub snapshots: Arc<dyn Snapshots>,
    /// Where snapshots are archived; nowhere, where the journal is kept for ever.
    pub archive: Option<ArchivePorts>,
    /// The time, and chance.
    pub clock: Arc<dyn Clock>,
}

/// How much a partition may hold and how long it may wait. Nothing is unbounded.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// A record is sealed at this many bytes.
    pub batch_bytes_max: usize,
    /// How long after the beginning of an append the next one begins at the soonest, if its record
    /// is not full.
    pub append_interval: Duration,
    /// Records that are sealed and wait for the journal.
    pub sealed_records_max: usize,
    /// Committed records whose effects have not left.
    pub unreleased_records_max: usize,
    /// Committed records that no snapshot has.
    pub unsnapshotted_records_max: usize,
    /// Those in bytes; at half of it a snapshot is written.
    pub unsnapshotted_bytes_max: usize,
    /// A snapshot is written after this many records.
    pub snapshot_every_records: usize,
    /// A snapshot is written this long after the last one, if anything changed.
    pub snapshot_interval: Duration,
    /// Entities loaded in one round trip.
    pub load_entities_max: usize,
    /// Deadlines and steps given in one batch.
    pub due_entities_max: usize,
    /// Inputs that wait for a quarantined or cold entity, in all.
    pub waiting_max: usize,
    /// Commands that wait for it in the log, in all.
    pub waiting_commands_max: usize,
    /// Holds that orders have asked for and no SKU has answered, beyond which no new demand is
    /// read.
    pub awaited_holds_max: usize,
    /// How often deadlines, snapshots and marks are looked at.
    pub tick: Duration,
    /// How often deadlines of entities that are not live are looked up.
    pub cold_due_interval: Duration,
    /// How long a partition is idle before it writes what has been released.
    pub idle_mark_after: Duration,
    /// How often a partition makes certain that what left last is still where it was.
    pub look_every: Duration,
    /// How long to wait before something that failed is tried again.
    pub retry_after: Duration,
    /// How long a leaving partition may take to settle.
    pub leave_within: Duration,
    /// Take-overs at the same cursor of a source, from which on its messages are read one by one.
    pub attempts_before_single: u32,
    /// Messages that are read one by one then.
    pub single_messages: usize,
    /// How much is archived, and when.
    pub archiving: Archiving,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            batch_bytes_max: 256 * 1024,
            append_interval: Duration::from_millis(2),
            sealed_records_max: 4,
            unreleased_records_max: 1_024,
            unsnapshotted_records_max: 20_000,
            unsnapshotted_bytes_max: 32 << 20,
            snapshot_every_records: 256,
            snapshot_interval: Duration::from_secs(5),
            load_entities_max: 256,
            due_entities_max: 256,
            waiting_max: 10_000,
            waiting_commands_max: 65_536,
            awaited_holds_max: 16_384,
            tick: Duration::from_millis(50),
            cold_due_interval: Duration::from_secs(1),
            idle_mark_after: Duration::from_millis(500),
            look_every: Duration::from_secs(1),
            retry_after: Duration::from_millis(100),
            leave_within: Duration::from_secs(8),
            attempts_before_single: 2,
            single_messages: 1_024,
            archiving: Archiving::default(),
        }
    }
}

/// What is published of what was decided. Nothing of it changes what is decided and journaled, nor
/// the ids of what is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Kinds of outcomes that are not, since nobody reads them.
    pub left_out: BTreeSet<String>,
    /// Whether availability is.
    pub availability: bool,
    /// After how many seconds those who were told `busy` may ask again.
    pub retry_after_s: u32,
    /// What dead letters mean for the shop.
    pub catalogue: Arc<Catalogue>,
}

impl Default for Published {
    fn default() -> Published {
        Published {
            left_out: BTreeSet::new(),
            availability: true,
            retry_after_s: 5,
            catalogue: Catalogue::shipped(),
        }
    }
}

/// Everything that a partition is told when it is started.
#[derive(Clone)]
pub struct Env {
    /// Which partition.
    pub partition: Partition,
    /// How many there are.
    pub partitions: Partition,
    /// The pod's name.
    pub owner: String,
    /// The doors to the outside.
    pub ports: Ports,
    /// What decisions depend on.
    pub policy: Arc<Policy>,
    /// What events may look like.
    pub limits: Limits,
    /// What is published.
    pub published: Published,
    /// How much may be held.
    pub bounds: Bounds,
    /// Which formats are read and written.
    pub formats: Formats,
    /// What all partitions of the process have in hand.
    pub hands: Hands,
    /// Sees each input at each stage.
    pub tap: Option<Tap>,
    /// Where questions are put while it serves.
    pub desks: Desks,
    /// What the supervisor allows.
    pub credit: watch::Receiver<Credit>,
    /// How fast all partitions of the process may be together.
    pub pace: Arc<Pace>,
    /// What the supervisor is told.
    pub status: watch::Sender<Status>,
    /// Asks the partition to leave.
    pub stop: CancellationToken,
}

impl Env {
    /// Live entities beyond which the longest unused are passivated, as things stand.
    fn live_entities_max(&self) -> usize {
        self.credit.borrow().live_entities
    }
}

/// What a partition says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// Recovered, and reading.
    pub serving: bool,
    /// The last committed record.
    pub position: Position,
    /// The time of its decisions.
    pub decided_at: Timestamp,
    /// How far each source has been read and committed.
    pub cursors: [Cursor; 5],
    /// How far each source has been read; what was decided since may not be committed.
    pub read: [Cursor; 5],
    /// How late each lane is read, by the pod's clock.
    pub late: [Span; 4],
    /// Nothing is decided that is not committed and has not left, and no steps are left to do.
    pub settled: bool,
    /// All deadlines before this have been given, those of entities that are not live too.
    pub deadlines_to: Timestamp,
    /// How far effects have left.
    pub released: u64,
    /// Where the snapshot stands.
    pub snapshot: u64,
    /// Live entities.
    pub live: usize,
    /// SKUs of promotions.
    pub armed: arming::Armed,
    /// The journal has not answered an append for longer than it ever should.
    pub unanswered: bool,
    /// The journal has lost records that this owner was told are there. It decides no more, and
    /// keeps what it knows.
    pub frozen: bool,
    /// Entities that decide no more.
    pub quarantined: usize,
    /// Inputs that wait.
    pub waiting: usize,
    /// SKUs of which new carts are held to a share.
    pub hot: usize,
    /// What all its SKUs come to.
    pub books: books::Books,
    /// What must be kept of EARMARK_IN for this partition; nothing is known before its effects have
    /// left, and all its lanes have read the same log.
    pub needed: Option<Needed>,
    /// The lowest sequence of EARMARK_CMD that must be.
    pub needed_commands: u64,
    /// The oldest format that must be read by whoever goes on from here.
    pub format: u8,
    /// How much it holds of what it may hold.
    pub held: held::Held,
}

impl From<SnapshotLost> for Exit {
    fn from(lost: SnapshotLost) -> Exit {
        Exit::elsewhere(lost.left_at, lost.found)
    }
}

/// Who begins to serve a partition, and what it believes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// A process that has not served it, or died of it.
    #[default]
    Anew,
    /// The process that has just served it, and did not die.
    Again,
    /// The same; the snapshot was lost and is made anew from the journal.
    WithoutSnapshot,
}

/// Why a partition stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to, and everything is settled.
    Left,
    /// It was asked to, and not everything could be settled in time; recovery will.
    LeftInHaste,
    /// Another owner has committed.
    SteppedDown,
    /// The snapshot is gone or another's; it must be made anew from the journal.
    SnapshotLost,
    /// The snapshot has gone on: the last delta of the owner before came late. It is right.
    SnapshotMoved,
    /// EARMARK_OUT lost its tail; recovery sends it again.
    OutLostItsTail,
    /// It was asked to, after the journal had lost records that it was told are there.
    Frozen,
    /// Something is wrong that only an operator can judge.
    Refused(String),
}

impl Exit {
    fn refuse(why: impl Into<String>) -> Exit {
        Exit::Refused(why.into())
    }

    /// The snapshot was left at a position, and found elsewhere.
    fn elsewhere(left_at: Position, found: Option<Position>) -> Exit {
        let on = |found: Position| {
            found.incarnation == left_at.incarnation && found.sequence > left_at.sequence
        };
        if found.is_some_and(on) { Exit::SnapshotMoved } else { Exit::SnapshotLost }
    }

    fn breach(breach: Breach) -> Exit {
        Exit::Refused(format!("the journal cannot be folded: {breach}"))
    }
}
