//! The streams and buckets that there must be, as data.
//!
//! Promises: [`wanted`] is a function of the settings and the server's limit alone. What only the
//! journal needs (every record on disk before it is acknowledged) is not asked of the others where
//! the settings allow it.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::stream::{
    Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType, SubjectTransform,
};
use serde::{Deserialize, Serialize};

use super::names;
use crate::{
    contract::subject::{TRANSFORM_SOURCE, transform_destination},
    ports::Partition,
};

const MIB: i64 = 1 << 20;
const DAY_S: u64 = 24 * 3_600;

/// What the streams are set up with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamSettings {
    /// How many partitions there are. Fixed once set up.
    pub partitions: Partition,
    /// How many servers hold each stream: 1 or 3.
    pub replicas: u8,
    /// Acknowledge before the disk has it, for all streams but the journal. For one replica only.
    pub async_persistence: bool,
    /// The most that EARMARK_IN holds, in bytes. The server sets this much aside.
    pub in_max_bytes: i64,
    /// The most that EARMARK_CMD holds, in bytes.
    pub cmd_max_bytes: i64,
    /// Messages of EARMARK_CMD that wait for one partition at most.
    pub cmd_max_waiting: i64,
    /// The most that EARMARK_JOURNAL holds, in bytes.
    pub journal_max_bytes: i64,
    /// The most that EARMARK_SNAPSHOTS holds, in bytes.
    pub snapshots_max_bytes: i64,
    /// How much smaller than the server's limit a message of EARMARK_IN must be, in bytes: a dead
    /// letter carries it and more.
    pub in_headroom_bytes: u32,
    /// How long EARMARK_OUT keeps an event, in seconds.
    pub out_max_age_s: u64,
    /// How long the server recognises a repeat on EARMARK_OUT by its id, in seconds.
    pub out_duplicate_window_s: u64,
    /// How long EARMARK_DLQ and its objects are kept, in seconds; 0 for ever.
    pub dlq_max_age_s: u64,
    /// How long EARMARK_AUDIT is kept, in seconds; 0 for ever.
    pub audit_max_age_s: u64,
}

impl Default for StreamSettings {
    fn default() -> StreamSettings {
        StreamSettings {
            partitions: 16,
            replicas: 1,
            async_persistence: false,
            in_max_bytes: 2_048 * MIB,
            cmd_max_bytes: 256 * MIB,
            cmd_max_waiting: 65_536,
            journal_max_bytes: 2_048 * MIB,
            snapshots_max_bytes: 2_048 * MIB,
            in_headroom_bytes: 256 << 10,
            out_max_age_s: 30 * DAY_S,
            out_duplicate_window_s: 600,
            dlq_max_age_s: 90 * DAY_S,
            audit_max_age_s: 0,
        }
    }
}

/// All streams, those behind the buckets included, for a server whose largest message has
/// `max_payload` bytes.
pub fn wanted(settings: &StreamSettings, max_payload: usize) -> Vec<Config> {
    let mut journal = stream(settings, names::JOURNAL, "earmark.journal.*");
    journal.persist_mode = None;
    journal.discard = DiscardPolicy::New;
    journal.max_bytes = settings.journal_max_bytes;

    let mut commands = stream(settings, names::CMD, "earmark.cmd.*");
    commands.discard = DiscardPolicy::New;
    commands.max_bytes = settings.cmd_max_bytes;
    commands.max_messages_per_subject = settings.cmd_max_waiting;
    commands.discard_new_per_subject = true;

    let mut out = stream(settings, names::OUT, "earmark.out.>");
    out.max_age = Duration::from_secs(settings.out_max_age_s);
    out.duplicate_window = Duration::from_secs(settings.out_duplicate_window_s);

    let mut availability = stream(settings, names::AVAILABILITY, "earmark.availability.*");
    availability.max_messages_per_subject = 1;

    let mut letters = stream(settings, names::DLQ, "earmark.dlq.>");
    // Nobody could write a lost one again: its original bytes are purged.
    letters.persist_mode = None;
    letters.max_age = Duration::from_secs(settings.dlq_max_age_s);

    let mut audit = stream(settings, names::AUDIT, "earmark.audit.*");
    audit.max_age = Duration::from_secs(settings.audit_max_age_s);

    vec![
        input(settings, max_payload),
        commands,
        journal,
        out,
        availability,
        letters,
        audit,
        cluster(settings),
        objects(settings),
        snapshots(settings),
    ]
}

fn stream(settings: &StreamSettings, name: &str, subject: &str) -> Config {
    let persist =
        (settings.async_persistence && settings.replicas == 1).then_some(PersistenceMode::Async);
    Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        num_replicas: settings.replicas.into(),
        persist_mode: persist,
        ..Config::default()
    }
}

/// The partition is put in front and the key left out, so that there are few subjects.
fn input(settings: &StreamSettings, max_payload: usize) -> Config {
    let largest = max_payload.saturating_sub(settings.in_headroom_bytes as usize).max(1);
    let partitions = settings.partitions.to_string();
    Config {
        discard: DiscardPolicy::New,
        max_bytes: settings.in_max_bytes,
        max_message_size: i32::try_from(largest).unwrap_or(i32::MAX),
        subject_transform: Some(SubjectTransform {
            source: TRANSFORM_SOURCE.to_owned(),
            destination: transform_destination(settings.partitions),
        }),
        metadata: HashMap::from([(names::PARTITIONS_METADATA.to_owned(), partitions)]),
        ..stream(settings, names::IN, "earmark.in.*.*.*")
    }
}

/// A key-value bucket as every client makes one, with a time to live a key.
fn cluster(settings: &StreamSettings) -> Config {
    Config {
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(Duration::from_secs(60)),
        persist_mode: None,
        ..stream(settings, names::CLUSTER_STREAM, "$KV.EARMARK_CLUSTER.>")
    }
}

/// An object store as every client makes one.
fn objects(settings: &StreamSettings) -> Config {
    Config {
        subjects: vec!["$O.EARMARK_OBJECTS.C.>".to_owned(), "$O.EARMARK_OBJECTS.M.>".to_owned()],
        discard: DiscardPolicy::New,
        allow_rollup: true,
        allow_direct: true,
        max_age: Duration::from_secs(settings.dlq_max_age_s),
        ..stream(settings, names::OBJECTS_STREAM, "")
    }
}

/// The same for archived snapshots: the journal forgets what they have, so they are as safe as it.
/// They have a bound, so that they never take the room that the journal needs.
fn snapshots(settings: &StreamSettings) -> Config {
    let all = |of: &str| format!("{of}>");
    Config {
        subjects: vec![all(names::SNAPSHOTS_PIECES), all(names::SNAPSHOTS_DESCRIBED)],
        discard: DiscardPolicy::New,
        max_bytes: settings.snapshots_max_bytes,
        allow_rollup: true,
        allow_direct: true,
        persist_mode: None,
        ..stream(settings, names::SNAPSHOTS_STREAM, "")
    }
}
