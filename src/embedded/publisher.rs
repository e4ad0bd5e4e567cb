//! The publisher port: an event is in the log when its transaction is on disk.

use async_trait::async_trait;
use futures::{StreamExt, stream};

use super::Embedded;
use crate::{
    clock::SystemClock,
    contract::{EntityType, StoredSubject, partition_of},
    ports::{Clock, Inbox, NewEvent, Partition, PortError, PublishError, Publisher},
};

/// The largest event, in bytes.
const EVENT_BYTES_MAX: usize = 8 << 20;

/// Publishes into a store.
pub struct EmbeddedPublisher {
    store: Embedded,
    partitions: Partition,
}

impl EmbeddedPublisher {
    /// Publishes into this store of so many partitions.
    pub fn new(store: Embedded, partitions: Partition) -> EmbeddedPublisher {
        EmbeddedPublisher { store, partitions }
    }
}

#[async_trait]
impl Publisher for EmbeddedPublisher {
    async fn publish(&self, event: NewEvent) -> Result<u64, PublishError> {
        let bytes = event.payload.len();
        if bytes > EVENT_BYTES_MAX {
            let why = format!("{bytes} bytes, {EVENT_BYTES_MAX} are the most");
            return Err(PublishError::TooLarge(why));
        }
        let partition = partition_of(&event.key, self.partitions);
        let (lane, entity) = (event.lane, EntityType::of(&event.key));
        let stored = StoredSubject { partition, lane, entity };
        let published = self.store.publish(&stored, event.payload.to_vec()).await;
        published.map_err(|fault| match fault.full {
            true => PublishError::Full(fault.why),
            false => PublishError::Unknown(fault.why),
        })
    }

    async fn inbox(&self) -> Result<Inbox, PortError> {
        let prefix = format!("_INBOX.{:032x}.", SystemClock.unique());
        let answers = self.store.answers().wait(&prefix);
        let answers =
            stream::unfold(answers, |mut answers| async { Some((answers.recv().await?, answers)) });
        Ok(Inbox { prefix, answers: answers.boxed() })
    }
}
