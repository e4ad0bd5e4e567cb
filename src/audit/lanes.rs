//! What was published to a partition, against what its journal has decided: each message was
//! decided once, or is a dead letter.
//!
//! The four lanes are read side by side, since a log says only after a while that it has no more.
//! Bytes are looked into only where goods, or a refusal in doubt, are spoken of.

use futures::{StreamExt, TryStreamExt, stream};

use super::{
    Audit,
    findings::Kind,
    folding::{Came, Folded, Taken},
    refused::Wish,
};
use crate::{
    contract::{self, AnyEvent, Decoded, EntityType, StoredSubject},
    domain::{
        event::{Lane, SkuEvent},
        ids::EntityKey,
    },
    error::Failure,
    ports::{Cursor, Input, LogMessage, PortError, Read, Reader, Source},
};

/// Messages that are read at a time.
const PAGE: usize = 4_096;

const UNDECIDED: (Kind, &str) = (Kind::Lost, "an event was not decided");
const TWICE: (Kind, &str) = (Kind::Twice, "an event was decided more than once");
const UNKNOWN: (Kind, &str) = (Kind::Other, "what was decided is not in the log");

impl Audit<'_> {
    /// Reads the lanes of a partition to their end.
    pub(super) async fn read_lanes(
        &mut self,
        input: &dyn Input,
        folded: &mut Folded,
    ) -> Result<(), Failure> {
        let partition = folded.partition;
        self.once_each(folded);
        let mut lanes = Vec::with_capacity(Lane::ALL.len());
        for lane in Lane::ALL {
            let opened = input.open(partition, Source::Lane(lane), Cursor::default()).await?;
            folded.forgotten = folded.forgotten.max(opened.cursor.sequence);
            lanes.push(pages(lane, opened.reader).boxed());
        }
        let mut seen = vec![false; folded.taken.len()];
        let mut pages = stream::select_all(lanes);
        while let Some((lane, page)) = pages.try_next().await? {
            for message in &page {
                self.message(lane, message, folded, &mut seen);
            }
        }
        self.unseen(folded, &seen);
        Ok(())
    }

    /// Puts what was decided in the log's order; what stands there twice was decided twice.
    fn once_each(&mut self, folded: &mut Folded) {
        let partition = folded.partition;
        folded.taken.sort_unstable();
        folded.taken.dedup_by(|later, first| {
            let at = first.sequence();
            let twice = later.sequence() == at;
            if twice {
                let text = format!("message {at} of EARMARK_IN, partition {partition}");
                self.note(TWICE, at, text);
            }
            twice
        });
    }

    fn message(
        &mut self,
        lane: Lane,
        message: &LogMessage,
        folded: &mut Folded,
        seen: &mut [bool],
    ) {
        self.counts.events += 1;
        let at = message.sequence;
        let found = folded.taken.binary_search_by_key(&at, |taken| taken.sequence());
        let Ok(index) = found else {
            let (lane, partition) = (lane.as_str(), folded.partition);
            let what = self.described(message);
            let text =
                format!("{what}, message {at} of EARMARK_IN, {lane} of partition {partition}");
            return self.note(UNDECIDED, at, text);
        };
        seen[index] = true;
        self.goods(lane, message, folded.taken[index]);
        if let Some(doubt) = folded.doubts.remove(&at)
            && let Some(Decoded { key: EntityKey::Sku(sku), event, .. }) = self.decoded(message)
            && let AnyEvent::Sku(SkuEvent::HoldRequested(event)) = event
        {
            let about = (&sku, event.hold.as_str());
            doubt.judge(about, &Wish::from(&event), &mut self.notes);
        }
    }

    /// Enters goods that came or went.
    fn goods(&mut self, lane: Lane, message: &LogMessage, taken: Taken) {
        let speaks_of_goods = match lane {
            Lane::Settlement | Lane::Fulfilment => true,
            Lane::Demand | Lane::Reporting => false,
        };
        let of_a_sku = || {
            let stored = StoredSubject::parse(&message.subject);
            stored.is_some_and(|stored| stored.entity == EntityType::Sku)
        };
        if !speaks_of_goods || taken.came() == Came::Nothing || !of_a_sku() {
            return;
        }
        if let Some(Decoded { key: EntityKey::Sku(sku), event, .. }) = self.decoded(message)
            && let AnyEvent::Sku(event) = event
        {
            self.accounts.event(&sku, &event, taken.came() == Came::Unclear);
        }
    }

    /// What was decided and is nowhere, though the log has not forgotten it.
    fn unseen(&mut self, folded: &Folded, seen: &[bool]) {
        let (partition, forgotten) = (folded.partition, folded.forgotten);
        let mut gone = 0_u64;
        for (taken, _) in folded.taken.iter().zip(seen).filter(|(_, seen)| !**seen) {
            let at = taken.sequence();
            if at <= forgotten {
                gone += 1;
                continue;
            }
            let text = format!("message {at} of EARMARK_IN, partition {partition}");
            self.note(UNKNOWN, at, text);
        }
        if forgotten > 0 {
            self.unchecked.push(format!(
                "EARMARK_IN begins after message {forgotten}: of partition {partition}, {gone} \
                 decided messages are gone, and what came or left by them"
            ));
        }
    }

    fn decoded(&self, message: &LogMessage) -> Option<Decoded> {
        contract::decode(&message.payload, &self.scope.limits).ok()
    }

    fn described(&self, message: &LogMessage) -> String {
        match self.decoded(message) {
            Some(Decoded { key, source, id, kind, .. }) => {
                format!("{key}: {kind} {id} of {source}")
            }
            None => "bytes that are no event".to_owned(),
        }
    }
}

/// The pages of a lane, up to its end.
fn pages(
    lane: Lane,
    reader: Box<dyn Reader>,
) -> impl stream::Stream<Item = Result<(Lane, Vec<LogMessage>), PortError>> + Send {
    stream::try_unfold(reader, move |mut reader| async move {
        match reader.read(PAGE).await? {
            Read::Messages(messages) => Ok(Some(((lane, messages), reader))),
            Read::Drained(_) => Ok(None),
        }
    })
}
