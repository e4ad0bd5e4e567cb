//! Which keys a snapshot has.
//!
//! All keys of partition 7 are in one hash slot, `{earmark:p7}`:
//!
//! | key | type | what |
//! | --- | --- | --- |
//! | `{earmark:p7}:meta` | hash | `incarnation`, `sequence`, `generation`, `state` |
//! | `{earmark:p7}:committed` | string | the highest position known to be committed, as 41 digits |
//! | `{earmark:p7}:garbage` | set | generations that are to be deleted |
//! | `{earmark:p7}:staged` | set | generations that are being built from an archive: one, or none |
//! | `{earmark:p7}:<generation>:sku:<key>` | hash | an entity: its parts, and `@`: folded to |
//! | `{earmark:p7}:<generation>:due:<clock>` | sorted set | `sku:<key>` by deadline |
//! | `{earmark:p7}:<generation>:fills` | string | how often one that is being built was filled |
//!
//! Scores are doubles, which are exact for microseconds up to the year 2255; later deadlines count
//! as then. A part whose name begins with `@` has another one put in front. A reset begins a new
//! generation under a random name, so it costs nothing however much there was.

use crate::{
    domain::{
        DueClock,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    ports::{Partition, Position},
};

/// The field of an entity that holds the sequence it is folded to.
pub const FOLDED_TO: &str = "@";
/// Up to here a double counts every microsecond.
const EXACT: i64 = 1 << 53;

/// The names of a partition's keys.
#[derive(Clone, Debug)]
pub struct Keys {
    slot: String,
}

impl Keys {
    /// The keys of a partition.
    pub fn new(prefix: &str, partition: Partition) -> Keys {
        Keys { slot: format!("{{{prefix}:p{partition}}}") }
    }

    /// The position and the partition's own state.
    pub fn meta(&self) -> String {
        format!("{}:meta", self.slot)
    }

    /// The highest committed position.
    pub fn committed(&self) -> String {
        format!("{}:committed", self.slot)
    }

    /// The generations that are to be deleted.
    pub fn garbage(&self) -> String {
        format!("{}:garbage", self.slot)
    }

    /// The generations that are being built.
    pub fn staged(&self) -> String {
        format!("{}:staged", self.slot)
    }

    /// An entity.
    pub fn entity(&self, generation: &str, key: &EntityKey) -> String {
        format!("{}:{generation}:{}", self.slot, member(key))
    }

    /// The deadlines on a clock.
    pub fn due(&self, generation: &str, clock: DueClock) -> String {
        let clock = match clock {
            DueClock::Settled => "settled",
            DueClock::Demand => "demand",
        };
        format!("{}:{generation}:due:{clock}", self.slot)
    }

    /// How often a generation was filled that is being built.
    pub fn fills(&self, generation: &str) -> String {
        format!("{}:{generation}:fills", self.slot)
    }

    /// What matches every key of a generation and nothing else.
    pub fn all_of(&self, generation: &str) -> String {
        format!("{}:{generation}:*", self.slot)
    }
}

/// An entity's name in a sorted set of deadlines.
pub fn member(key: &EntityKey) -> String {
    format!("{}:{}", key.entity(), key.key())
}

/// The entity of such a name.
pub fn entity_of(member: &str) -> Option<EntityKey> {
    match member.split_once(':')? {
        ("sku", key) => Sku::new(key).ok().map(EntityKey::Sku),
        ("order", key) => OrderId::new(key).ok().map(EntityKey::Order),
        _ => None,
    }
}

/// The field of a part.
pub fn field_of(part: &str) -> String {
    match part.starts_with('@') {
        true => format!("@{part}"),
        false => part.to_owned(),
    }
}

/// The part of a field.
pub fn part_of(field: &str) -> &str {
    field.strip_prefix('@').unwrap_or(field)
}

/// A deadline as a score.
pub fn score(at: Timestamp) -> i64 {
    at.0.clamp(-EXACT, EXACT)
}

/// A position as text that sorts as positions do.
pub fn position_text(position: Position) -> String {
    format!("{:020}:{:020}", position.incarnation, position.sequence)
}

/// The position of such a text.
pub fn position_of(text: &str) -> Option<Position> {
    let (incarnation, sequence) = text.split_once(':')?;
    Some(Position { incarnation: incarnation.parse().ok()?, sequence: sequence.parse().ok()? })
}
