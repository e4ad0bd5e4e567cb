//! What a partition counts: one function for each thing worth counting.

use std::time::Duration;

use super::{business, catalogue as c};
use crate::{
    contract::catalogue::Handling,
    domain::{ids::EntityKey, refusal::Reason, time::Timestamp},
    partition::record::Record,
    ports::{AppendError, Outlet, Partition, Source},
};

/// A reader failed and is stood up again at its cursor.
pub fn reader_restarted(source: Source) {
    c::READER_RESTARTS.count(&[source.as_str()], 1);
}

/// A source was not what its cursor remembered.
pub fn source_lost(source: Source) {
    c::SOURCES_LOST.count(&[source.as_str()], 1);
}

/// An append was refused because the journal is full.
pub fn journal_full(partition: Partition, why: &str) {
    tracing::error!(partition, why, "the journal is full: nothing is decided until there is room");
    c::JOURNAL_FULL.count(&[&partition.to_string()], 1);
}

/// It is not known whether a record was appended.
pub fn append_in_doubt(partition: Partition, error: &AppendError) {
    tracing::warn!(partition, %error, "it is not known whether a record was appended");
    let why = match error {
        AppendError::Refused => "refused",
        AppendError::Full(_) => "full",
        AppendError::TooLarge(_) => "too_large",
        AppendError::Unknown(_) => "unknown",
    };
    c::APPENDS_IN_DOUBT.count(&[&partition.to_string(), why], 1);
}

/// A snapshot was written.
pub fn snapshot_written(changes: usize, took: Duration) {
    c::SNAPSHOT_SECONDS.observe(&[], took.as_secs_f64());
    c::SNAPSHOT_CHANGES.observe(&[], changes as f64);
}

/// An effect is sent again.
pub fn send_retried(outlet: Outlet, why: &str) {
    let outlet = match outlet {
        Outlet::Out => "out",
        Outlet::Commands => "commands",
        Outlet::Availability => "availability",
        Outlet::DeadLetters => "dead_letters",
    };
    tracing::debug!(outlet, why, "an effect is sent again");
    c::SENDS_RETRIED.count(&[outlet], 1);
}

/// Commands were not said to a partition that has too many to read.
pub fn commands_unsaid(subject: &str, why: &str) {
    tracing::debug!(subject, why, "commands are left to be said again");
    c::COMMANDS_UNSAID.count(&[], 1);
}

/// A dead letter was written.
pub fn dead_letter(reason: Reason, handling: &Handling<'_>) {
    c::DEAD_LETTERS.count(&[reason.as_str(), handling.severity.as_str(), handling.owner], 1);
}

/// A partition has no snapshot that fits, and is folded from its first record.
pub fn recovery_from_genesis(partition: Partition) {
    tracing::warn!(partition, "no snapshot fits: the whole journal is folded");
    c::RECOVERIES_FROM_GENESIS.count(&[&partition.to_string()], 1);
}

/// A partition has no snapshot that fits, but an archive of one.
pub fn recovery_from_archive(partition: Partition, archive: &str) {
    tracing::warn!(partition, archive, "no snapshot fits: an archived one is restored");
    c::RECOVERIES_FROM_ARCHIVE.count(&[&partition.to_string()], 1);
}

/// An archive is not what it should be.
pub fn archive_refused(partition: Partition, archive: &str, why: &dyn std::fmt::Display) {
    tracing::error!(partition, archive, %why, "an archive is refused");
    c::ARCHIVES_REFUSED.count(&[&partition.to_string()], 1);
}

/// A snapshot was archived.
pub fn archived(partition: Partition, at: Timestamp, bytes: u64, took: Duration) {
    let partition = partition.to_string();
    c::ARCHIVES.count(&[&partition], 1);
    c::ARCHIVE_SECONDS.observe(&[], took.as_secs_f64());
    c::ARCHIVE_BYTES.set(&[&partition], bytes as f64);
    c::ARCHIVED_AT.set(&[&partition], at.0 as f64 / 1e6);
}

/// A snapshot could not be archived, or a journal not be trimmed.
pub fn archive_failed(partition: Partition) {
    c::ARCHIVES_FAILED.count(&[&partition.to_string()], 1);
}

/// Old records were purged.
pub fn journal_trimmed(partition: Partition) {
    c::JOURNAL_TRIMS.count(&[&partition.to_string()], 1);
}

/// EARMARK_OUT ends before what it had acknowledged.
pub fn out_lost_its_tail(partition: Partition) {
    tracing::error!(partition, "EARMARK_OUT lost its tail: what is missing is sent again");
    c::OUT_TAILS_LOST.count(&[&partition.to_string()], 1);
}

/// A partition serves.
pub fn recovered(partition: Partition, took: Duration) {
    tracing::info!(partition, seconds = took.as_secs_f64(), "serving");
    c::RECOVERY_SECONDS.observe(&[], took.as_secs_f64());
    c::TAKE_OVERS.count(&[&partition.to_string()], 1);
}

/// A record was committed.
pub fn committed(record: &Record, bytes: usize, append: Duration) {
    c::APPEND_SECONDS.observe(&[], append.as_secs_f64());
    c::RECORD_BYTES.observe(&[], bytes as f64);
    c::RECORD_ENTRIES.observe(&[], record.entries.len() as f64);
    business::committed(record);
}

/// An entity's code failed. It decides no more.
pub fn quarantined(entity: &EntityKey, why: &str) {
    tracing::error!(entity = entity.entity(), key = entity.key(), why, "quarantined");
    c::QUARANTINES.count(&[entity.entity()], 1);
    if business::is_breach(why) {
        c::BREACHES.count(&[], 1);
    }
}

/// Cold entities were loaded.
pub fn loaded(entities: usize) {
    c::ENTITIES_LOADED.count(&[], entities as u64);
}

/// An accepted event has fields that nobody knows.
pub fn unknown_fields(kind: &str, fields: usize) {
    if fields > 0 {
        c::UNKNOWN_FIELDS.count(&[kind], fields as u64);
    }
}
