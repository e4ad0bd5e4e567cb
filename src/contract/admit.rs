//! Whether an event says what the place says where it was read. (Its age is its entity's business,
//! which remembers ids first.)

use super::{
    Decoded, Rejection, Rule, StoredSubject,
    limits::Limits,
    rejection::Names,
    subject::{EntityType, partition_of},
    time,
};
use crate::domain::time::Timestamp;

/// Where an event was read.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    /// What the stored subject says.
    pub subject: StoredSubject,
    /// How many partitions there are.
    pub partitions: u16,
    /// When the log took it.
    pub logged_at: Timestamp,
}

/// Compares what an event says with where it was read: its lane, its entity, the partition of its
/// key, and that its `time` is not ahead of the log.
pub fn admit(event: &Decoded, at: &Received, limits: &Limits) -> Result<(), Box<Rejection>> {
    check(event, at, limits).map_err(|why| why.named(names(event)))
}

fn check(event: &Decoded, at: &Received, limits: &Limits) -> Result<(), Box<Rejection>> {
    let StoredSubject { partition, lane, entity } = at.subject;
    if event.lane != lane {
        let expected = format!("the lane {} for {}", event.lane.as_str(), event.kind);
        return Err(Rejection::new(Rule::Lane, &format!("the lane {}", lane.as_str()), expected));
    }
    let own = EntityType::of(&event.key);
    if own != entity {
        let found = format!("the subject of an entity {}", entity.as_str());
        let expected = format!("one of an entity {} for {}", own.as_str(), event.kind);
        return Err(Rejection::new(Rule::Route, &found, expected).at("subject"));
    }
    let computed = partition_of(&event.key, at.partitions);
    if computed != partition {
        let found = format!("partition {partition}");
        let expected = format!("partition {computed} of {} for {}", at.partitions, event.key);
        return Err(Rejection::new(Rule::Route, &found, expected).at("subject"));
    }
    if event.time > at.logged_at + limits.skew {
        let latest = time::format(at.logged_at + limits.skew);
        let expected = format!("at the latest {latest}");
        return Err(Rejection::new(Rule::Clock, &time::format(event.time), expected).at("time"));
    }
    Ok(())
}

fn names(event: &Decoded) -> Names {
    Names {
        source: Some(event.source.clone()),
        id: Some(event.id.clone()),
        subject: Some(event.key.key().to_owned()),
        kind: Some(event.kind.to_owned()),
        reply_to: event.reply_to.clone(),
    }
}
