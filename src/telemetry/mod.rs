//! What is seen from outside: metrics in business terms, and the log.
//!
//! The one home of metrics: [`catalogue`] lists each with its help, its unit and the labels it may
//! have; nothing else names one. [`engine`] has a function for each thing worth counting in a
//! partition, [`business`] derives from a committed record what the business asks, [`watch`] is
//! what the supervisor sees, [`door`] what comes in by HTTP, [`exporter`] serves it all,
//! [`logging`] writes the log. What every process has (memory, CPU time) is told as `process_…` by
//! a library, as others do. No SKU, order or event id is ever a label. Before
//! [`exporter::install`] nothing is counted and nothing costs much.

pub mod business;
pub mod catalogue;
pub mod door;
mod engine;
pub mod exporter;
pub mod logging;
pub mod watch;

pub use engine::{
    append_in_doubt, archive_failed, archive_refused, archived, commands_unsaid, committed,
    dead_letter, journal_full, journal_trimmed, loaded, out_lost_its_tail, quarantined,
    reader_restarted, recovered, recovery_from_archive, recovery_from_genesis, send_retried,
    snapshot_written, source_lost, unknown_fields,
};
