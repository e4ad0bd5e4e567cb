//! The names of streams, buckets and subjects, in one place.
//!
//! Promises: every subject that an adapter reads, writes or sets up is spelled here and nowhere
//! else.

use crate::{
    cluster::Member,
    ports::{Outlet, Partition, Source},
};

/// What publishers send.
pub const IN: &str = "EARMARK_IN";
/// What actors say to one another.
pub const CMD: &str = "EARMARK_CMD";
/// Decisions and effects.
pub const JOURNAL: &str = "EARMARK_JOURNAL";
/// Outcome events.
pub const OUT: &str = "EARMARK_OUT";
/// What a shop may show.
pub const AVAILABILITY: &str = "EARMARK_AVAILABILITY";
/// Dead letters.
pub const DLQ: &str = "EARMARK_DLQ";
/// What operators did.
pub const AUDIT: &str = "EARMARK_AUDIT";
/// The key-value bucket of members, leases and settings.
pub const CLUSTER: &str = "EARMARK_CLUSTER";
/// The object store of dead letters that no message can carry.
pub const OBJECTS: &str = "EARMARK_OBJECTS";
/// The object store of archived snapshots.
pub const SNAPSHOTS: &str = "EARMARK_SNAPSHOTS";

/// The stream behind the bucket [`CLUSTER`].
pub const CLUSTER_STREAM: &str = "KV_EARMARK_CLUSTER";
/// The stream behind the object store [`OBJECTS`].
pub const OBJECTS_STREAM: &str = "OBJ_EARMARK_OBJECTS";
/// The stream behind the object store [`SNAPSHOTS`].
pub const SNAPSHOTS_STREAM: &str = "OBJ_EARMARK_SNAPSHOTS";
/// What [`AUDIT`] has of the operators' commands for partitions.
pub const AUDIT_PARTITION: &str = "earmark.audit.partition";
/// What [`AUDIT`] has of what operators did with dead letters.
pub const AUDIT_DLQ: &str = "earmark.audit.dlq";
/// What the subjects begin with at which a replay hears what was decided.
pub const REPLAY_REPLIES: &str = "earmark.reply.dlq.";
/// What [`AUDIT`] has of what was paused.
pub const AUDIT_PAUSE: &str = "earmark.audit.pause";
/// What [`AUDIT`] has of what was to go on.
pub const AUDIT_RESUME: &str = "earmark.audit.resume";
/// What [`AUDIT`] has of events that may be late.
pub const AUDIT_ALLOW_STALE: &str = "earmark.audit.allow-stale";
/// What [`AUDIT`] has of promotions.
pub const AUDIT_PROMOTION: &str = "earmark.audit.promotion";
/// What [`AUDIT`] has of pods that operators asked to hand over.
pub const AUDIT_DRAIN: &str = "earmark.audit.drain";
/// What [`AUDIT`] has of changes of safe mode.
pub const AUDIT_SAFE_MODE: &str = "earmark.audit.safe-mode";
/// The key in [`CLUSTER`] that holds what was fixed at set-up.
pub const SETTINGS_KEY: &str = "settings";
/// The entry in the metadata of [`IN`] that holds the number of partitions.
pub const PARTITIONS_METADATA: &str = "earmark.partitions";

/// The stream of a source.
pub fn stream_of(source: Source) -> &'static str {
    match source {
        Source::Commands => CMD,
        Source::Lane(_) => IN,
    }
}

/// The stream of an outlet.
pub fn stream_of_outlet(outlet: Outlet) -> &'static str {
    match outlet {
        Outlet::Out => OUT,
        Outlet::Commands => CMD,
        Outlet::Availability => AVAILABILITY,
        Outlet::DeadLetters => DLQ,
    }
}

/// All subjects of an outlet.
pub fn filter_of_outlet(outlet: Outlet) -> &'static str {
    match outlet {
        Outlet::Out => "earmark.out.>",
        Outlet::Commands => "earmark.cmd.*",
        Outlet::Availability => "earmark.availability.*",
        Outlet::DeadLetters => "earmark.dlq.>",
    }
}

/// What a reader of a source and partition filters by.
pub fn filter_of(partition: Partition, source: Source) -> String {
    match source {
        Source::Commands => command_subject(partition),
        Source::Lane(lane) => format!("earmark.p.{partition}.{}.*", lane.as_str()),
    }
}

/// Where commands for a partition go.
pub fn command_subject(partition: Partition) -> String {
    format!("earmark.cmd.{partition}")
}

/// What describes the objects of [`SNAPSHOTS`].
pub const SNAPSHOTS_DESCRIBED: &str = "$O.EARMARK_SNAPSHOTS.M.";
/// The pieces of the objects of [`SNAPSHOTS`].
pub const SNAPSHOTS_PIECES: &str = "$O.EARMARK_SNAPSHOTS.C.";

/// Where a partition's records stand.
pub fn journal_subject(partition: Partition) -> String {
    format!("earmark.journal.{partition}")
}

/// Where a note of the cluster's bucket stands.
pub fn cluster_subject(key: &str) -> String {
    format!("$KV.{CLUSTER}.{key}")
}

/// Where an operator asks for a level of safe mode, for all pods.
pub const SAFE_MODE: &str = "earmark.control.safe-mode";
/// Where an operator asks that something be paused, for all pods.
pub const PAUSE: &str = "earmark.control.pause";
/// Where an operator asks that what was paused, or a quarantined entity, go on.
pub const RESUME: &str = "earmark.control.resume";
/// Where an operator asks that an event be decided however late it is.
pub const ALLOW_STALE: &str = "earmark.control.allow-stale";
/// Where an operator announces a promotion, for all pods.
pub const PROMOTION: &str = "earmark.control.promotion";
/// The queue group of the pods on the subjects above: one of them answers.
pub const CONTROL_GROUP: &str = "earmark-control";

/// Where an operator asks a pod to hand over what it has.
pub fn drain_subject(pod: &str) -> String {
    format!("earmark.control.drain.{}", Member::token(pod))
}

/// Where anybody asks about a SKU.
pub const QUERY_SKU: &str = "earmark.query.sku";
/// Where anybody asks about an order.
pub const QUERY_ORDER: &str = "earmark.query.order";

/// Where a pod asks the one that serves a partition.
pub fn partition_query_subject(partition: Partition) -> String {
    format!("earmark.query.partition.{partition}")
}
