//! Follows the journal while Earmark runs, to see how far it has come. Servers may be away meanwhile:
//! then nothing new is seen.

use std::time::Duration;

use async_nats::jetstream::Context;
use earmark::partition::{entry::Entry, record::Record};

use crate::{
    checker::{Report, chain::At, decided::Decisions, orders::Orders},
    harness::wait_until,
    streams,
};

/// How long anything may take.
pub const BOUND: Duration = Duration::from_secs(120);

/// What has been seen of the journal.
pub struct Watch {
    context: Context,
    last: u64,
    decisions: Decisions,
    orders: Orders,
    outcomes: u64,
}

impl Watch {
    /// A watch that has seen nothing yet.
    pub fn new(context: Context) -> Watch {
        let (decisions, orders) = (Decisions::default(), Orders::default());
        Watch { context, last: 0, decisions, orders, outcomes: 0 }
    }

    /// Returns when so many different events have been decided.
    pub async fn until_decided(&mut self, events: usize) {
        let what = format!("{events} events are decided");
        wait_until(&what, BOUND, async || {
            self.look().await;
            self.decisions.events() >= events
        })
        .await;
    }

    /// Returns when so many different events have been decided, no order waits for an answer, no
    /// event waits for its order, and every outcome has left.
    pub async fn until_at_rest(&mut self, events: usize) {
        let what = format!("{events} events are decided and all that comes of them is done");
        wait_until(&what, BOUND, async || self.is_at_rest(events).await).await;
    }

    /// The same, but for the wait: whether all of that is so now.
    pub async fn is_at_rest(&mut self, events: usize) -> bool {
        self.look().await;
        let decided = self.decisions.events() >= events && self.decisions.none_waits();
        decided && self.orders.at_rest() && self.outcomes_out().await == Some(self.outcomes)
    }

    /// What is looked at, for whoever asks why nothing comes to rest.
    pub async fn state(&mut self) -> String {
        self.look().await;
        format!(
            "{} events decided, none waits: {}, orders at rest: {}, {} outcomes due, {:?} out",
            self.decisions.events(),
            self.decisions.none_waits(),
            self.orders.at_rest(),
            self.outcomes,
            self.outcomes_out().await,
        )
    }

    /// Reads what is new.
    async fn look(&mut self) {
        let Ok(new) = streams::read_after(&self.context, "EARMARK_JOURNAL", self.last).await else {
            return;
        };
        for stored in new {
            self.last = stored.sequence;
            let record = Record::decode(&stored.payload).expect("the journal has records");
            let partition = record.header.partition;
            for (index, entry) in record.entries.iter().enumerate() {
                self.note(&At { partition, sequence: stored.sequence, index }, entry);
            }
        }
    }

    fn note(&mut self, at: &At, entry: &Entry) {
        // Complaints are the checker's to make, when all is over.
        self.decisions.note(at, entry, &mut Report::default());
        self.orders.note(entry);
        if let Entry::Decided(decided) = entry {
            self.outcomes += decided.outcomes.len() as u64;
        }
    }

    async fn outcomes_out(&self) -> Option<u64> {
        let stream = self.context.get_stream("EARMARK_OUT").await.ok()?;
        Some(stream.cached_info().state.messages)
    }
}
