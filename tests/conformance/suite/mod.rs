//! What every adapter of the ports must do, sentence by sentence of `src/ports.rs`.
//!
//! Promises: nothing here knows which adapter it runs on. A test binary says how to make a [`World`]
//! and writes `suite::conformance!(make_world);`, which becomes one test a function.

pub mod archive;
pub mod input;
pub mod journal;
pub mod outbox;
pub mod snapshots;

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    archive::ArchivePorts,
    domain::event::Lane,
    ports::{
        Input, Journal, LogMessage, Outbox, Outgoing, Outlet, Partition, Read, Reader, Snapshots,
    },
};

/// What an adapter may take for anything, on a busy machine.
pub const BOUND: Duration = Duration::from_secs(20);

/// One fresh set of adapters over empty stores, with at least four partitions.
pub struct World {
    pub input: Arc<dyn Input>,
    pub journal: Arc<dyn Journal>,
    pub outbox: Arc<dyn Outbox>,
    pub snapshots: Arc<dyn Snapshots>,
    /// Nothing, where snapshots are not archived.
    pub archive: Option<ArchivePorts>,
    pub outside: Arc<dyn Outside>,
    /// What must live as long as the rest, such as servers.
    pub _keep: Box<dyn Any + Send>,
}

/// What the suite does as somebody else than Earmark.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Publishes an event that belongs to a partition; says its sequence.
    async fn publish(&self, partition: Partition, lane: Lane, payload: Bytes) -> u64;

    /// A subject for an answer, and who waits there.
    async fn requester(&self) -> (String, Box<dyn Requester>);

    /// An object that was put.
    async fn object(&self, name: &str) -> Option<Bytes>;
}

/// Somebody who waits for an answer.
#[async_trait]
pub trait Requester: Send {
    /// The next answer.
    async fn answer(&mut self) -> Bytes;
}

/// Text as bytes.
pub fn bytes(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

/// One read that ends within the bound.
pub async fn read(reader: &mut Box<dyn Reader>, max: usize) -> Read {
    let read = tokio::time::timeout(BOUND, reader.read(max)).await;
    read.expect("a read ends within the bound").expect("a read works")
}

/// Reads until so many messages have come; nothing may be called drained before that.
pub async fn take(reader: &mut Box<dyn Reader>, count: usize) -> Vec<LogMessage> {
    let mut messages: Vec<LogMessage> = Vec::new();
    while messages.len() < count {
        match read(reader, 64).await {
            Read::Messages(more) => {
                assert!(!more.is_empty(), "at least one message");
                assert!(more.len() <= 64, "at most as many as asked for");
                messages.extend(more);
            }
            Read::Drained(cursor) => {
                panic!("drained at {cursor:?} with {} of {count} messages", messages.len())
            }
        }
    }
    let rising = messages.windows(2).all(|two| two[0].sequence < two[1].sequence);
    assert!(rising, "sequences rise");
    messages
}

/// Reads on until drained; only messages may come before.
pub async fn drain(reader: &mut Box<dyn Reader>) -> (Vec<LogMessage>, earmark::ports::Cursor) {
    let mut messages = Vec::new();
    loop {
        match read(reader, 64).await {
            Read::Messages(more) => messages.extend(more),
            Read::Drained(cursor) => return (messages, cursor),
        }
    }
}

/// The payloads as text.
pub fn texts(messages: &[LogMessage]) -> Vec<String> {
    messages.iter().map(|m| String::from_utf8_lossy(&m.payload).into_owned()).collect()
}

/// A message without id, headers or condition.
pub fn outgoing(outlet: Outlet, subject: &str, payload: impl Into<String>) -> Outgoing {
    Outgoing {
        outlet,
        subject: subject.to_owned(),
        id: None,
        headers: Vec::new(),
        payload: bytes(payload),
        after: None,
    }
}

/// One test for each function of the suite, in the world that `$world().await` makes.
macro_rules! conformance {
    ($world:path) => {
        $crate::suite::conformance!(@ $world, input:
            reads_its_own_source_in_order, resumes_after_its_cursor, says_drained_when_it_is_certain,
            dropping_a_read_loses_nothing, fetches_one_message_again,
            messages_gone_after_the_cursor_are_a_loss, an_end_before_the_cursor_is_a_loss,
            another_stream_is_a_loss, tells_the_logs_time, commands_are_read_and_purged);
        $crate::suite::conformance!(@ $world, journal:
            an_append_needs_the_last_record, partitions_do_not_meet, is_read_in_pages_to_its_end,
            a_record_that_no_message_can_carry_is_said_to_be_one,
            purged_records_are_gone_and_the_last_one_never_is, says_how_much_it_holds);
        $crate::suite::conformance!(@ $world, outbox:
            sends_in_order, a_repeated_id_is_a_duplicate, a_condition_is_kept,
            what_is_too_large_is_said_and_the_rest_leaves, ids_are_found_again,
            a_command_is_sent_twice_under_one_id, answers_a_requester,
            availability_is_the_last_value, keeps_objects);
        $crate::suite::conformance!(@ $world, snapshots:
            nothing_is_nowhere, entities_come_back, a_delta_needs_its_predecessor,
            a_repeated_delta_is_success, deadlines_come_earliest_first, a_reset_forgets,
            the_committed_mark_only_rises, partitions_have_snapshots_of_their_own,
            a_large_delta_is_one_step);
    };
    (@ $world:path, $group:ident: $($name:ident),*) => {
        mod $group {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let world = $world().await;
                $crate::suite::$group::$name(&world).await;
            })*
        }
    };
}
pub(crate) use conformance;

/// The same of the ports of archives, for those who have them.
macro_rules! archives {
    ($world:path) => {
        $crate::suite::conformance!(@ $world, archive:
            a_copy_says_where_the_snapshot_stood, all_keys_are_named,
            a_snapshot_is_built_where_nobody_sees_it, what_was_begun_before_is_superseded,
            what_lacks_a_fill_is_never_put_in_place, the_shelf_keeps_objects,
            what_is_deleted_leaves_nothing);
    };
}
pub(crate) use archives;
