//! What is seen from outside: one function for each thing worth counting.
#![allow(missing_docs)]
use std::time::Duration;

use crate::{
    domain::{ids::EntityKey, refusal::Reason},
    partition::record::Record,
    ports::{AppendError, Outlet, Partition, Source},
};

pub fn reader_restarted(_: Source) {}
pub fn journal_full(_: Partition, _: &str) {}
pub fn append_in_doubt(_: Partition, _: &AppendError) {}
pub fn snapshot_written(_: usize, _: Duration) {}
pub fn send_retried(_: Outlet, _: &str) {}
pub fn dead_letter(_: Reason) {}
pub fn recovery_from_genesis(_: Partition) {}
pub fn out_lost_its_tail(_: u64, _: u64) {}
pub fn recovered(_: Partition, _: Duration) {}
pub fn source_lost(_: Source) {}
pub fn committed(_: &Record, _: usize, _: Duration) {}
pub fn quarantined(_: &EntityKey, _: &str) {}
pub fn loaded(_: usize) {}
pub fn unknown_fields(_: &str, _: usize) {}
