//! How much is still to be done, and how full the streams are.
//!
//! Promises: nothing is changed; what is counted is counted at the stream's leader, by a consumer
//! that is gone again before the answer.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use async_trait::async_trait;

use super::{
    api::{self, Wanted},
    names, setup,
};
use crate::{
    ports::{Partition, PortError, Source},
    supervisor::{Depths, StreamUsage, Unread},
};

/// How long the server keeps a consumer that could not be deleted.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5);

/// The streams whose size matters, and by what name.
const STREAMS: [(&str, &str); 7] = [
    (names::IN, names::IN),
    (names::CMD, names::CMD),
    (names::JOURNAL, names::JOURNAL),
    (names::OUT, names::OUT),
    (names::AVAILABILITY, names::AVAILABILITY),
    (names::DLQ, names::DLQ),
    (names::SNAPSHOTS_STREAM, names::SNAPSHOTS),
];

/// Tells how much there is, over this connection.
pub struct NatsDepths {
    context: Context,
}

impl NatsDepths {
    /// Asks over this connection.
    pub fn new(context: Context) -> NatsDepths {
        NatsDepths { context }
    }

    async fn count(&self, stream: &str, filter: String, from: u64) -> Result<u64, PortError> {
        let error = |why: String| PortError::new(format!("count {filter} of {stream}"), why);
        let handle = self.context.get_stream_no_info(stream).await;
        let handle = handle.map_err(|e| error(e.to_string()))?;
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
            ack_policy: AckPolicy::None,
            filter_subject: filter.clone(),
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..pull::Config::default()
        };
        let consumer = handle.create_consumer(config).await.map_err(|e| error(e.to_string()))?;
        let info = consumer.cached_info();
        // One that stays is forgotten by the server soon.
        let _ = handle.delete_consumer(&info.name).await;
        Ok(info.num_pending)
    }
}

#[async_trait]
impl Depths for NatsDepths {
    async fn unread(
        &self,
        partition: Partition,
        source: Source,
        after: u64,
    ) -> Result<Unread, PortError> {
        let (stream, filter) = (names::stream_of(source), names::filter_of(partition, source));
        let from = after.saturating_add(1);
        match api::get(&self.context, stream, Wanted::next(&filter, from)).await? {
            None => Ok(Unread::default()),
            Some(first) => {
                let messages = self.count(stream, filter, from).await?;
                Ok(Unread { messages, oldest: Some(first.at) })
            }
        }
    }

    async fn usage(&self) -> Result<Vec<StreamUsage>, PortError> {
        let mut all = Vec::with_capacity(STREAMS.len());
        for (stream, name) in STREAMS {
            let found = match self.context.get_stream(stream).await {
                Ok(found) => found,
                // One of an older version is set up without.
                Err(error) if name == names::SNAPSHOTS && setup::is_not_there(&error) => continue,
                Err(error) => {
                    return Err(PortError::new(format!("read the size of {name}"), error));
                }
            };
            let info = found.cached_info();
            all.push(StreamUsage {
                stream: name,
                messages: info.state.messages,
                bytes: info.state.bytes,
                bytes_max: u64::try_from(info.config.max_bytes).ok().filter(|max| *max > 0),
            });
        }
        Ok(all)
    }
}
