//! Operators who let events be decided that came too late: `earmark.control.allow-stale`, a request
//! that one of the pods answers.
//!
//! Promises: EARMARK_AUDIT has a word before it counts; a word lapses by itself; whoever serves the
//! partition hears it.

use std::time::Duration;

use async_nats::{Client, Message, jetstream::Context};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;

use super::{Connections, NatsLeases, api, audit, control, names};
use crate::{
    contract::{partition_of, time},
    control::{
        AllowStale, Refused,
        late::{LASTS, LateAnswer},
    },
    ports::{Leases, Partition, PortError},
};

/// Answers operators.
pub struct LateDesk {
    control: Context,
    leases: NatsLeases,
    pod: String,
    partitions: Partition,
}

impl LateDesk {
    /// A desk of this pod's.
    pub fn new(connections: &Connections, pod: &str, partitions: Partition) -> LateDesk {
        let leases = NatsLeases::new(connections.leases.clone());
        LateDesk { control: connections.control.clone(), leases, pod: pod.to_owned(), partitions }
    }

    /// Answers one after another, for ever.
    pub async fn serve(self) {
        let client = self.control.client();
        let group = names::CONTROL_GROUP.to_owned();
        let mut asked = match client.queue_subscribe(names::ALLOW_STALE, group).await {
            Ok(asked) => asked,
            Err(error) => return tracing::error!(%error, "operators are not heard"),
        };
        while let Some(Message { payload, reply, .. }) = asked.next().await {
            let answer = match AllowStale::parse(&payload) {
                Ok(asked) => self
                    .say(&asked)
                    .await
                    .unwrap_or_else(|error| LateAnswer::Refused(Refused::unavailable(&error))),
                Err(refused) => LateAnswer::Refused(refused),
            };
            let Some(reply) = reply else { continue };
            // A struct of texts and numbers is always JSON.
            let bytes: Bytes = serde_json::to_vec(&answer).unwrap_or_default().into();
            if let Err(error) = client.publish(reply, bytes).await {
                tracing::debug!(%error, "an answer to an operator did not leave");
            }
        }
    }

    /// Writes an operator's word down where whoever serves the partition hears it.
    async fn say(&self, asked: &AllowStale) -> Result<LateAnswer, PortError> {
        let now = api::look(&self.control, names::CLUSTER_STREAM).await?.now;
        let word = asked.word(now);
        let what = json!({
            "at": time::format(now),
            "by": word.by,
            "reason": word.reason,
            "command": "allow-stale",
            "pod": self.pod,
            "kind": word.kind,
            "key": word.key,
            "event_source": word.source,
            "event_id": word.id,
        });
        let audit = audit::write(&self.control, names::AUDIT_ALLOW_STALE, &what).await?;
        let (_, revision) = self.leases.standing(&word.note()).await?;
        let noted = self.leases.note(&word.note(), word.encode(), Some(revision), LASTS).await;
        noted.map_err(|error| PortError::new("write the word down", error))?;
        let partition = partition_of(&asked.entity, self.partitions);
        Ok(LateAnswer::Said { allowed: word, partition, audit })
    }
}

/// Asks the pods to let an event be decided however late it is; nothing if none listens.
///
/// # Errors
/// No answer came in time, or none that can be understood.
pub async fn ask_to_allow(
    client: &Client,
    request: &serde_json::Value,
    within: Duration,
) -> Result<Option<LateAnswer>, PortError> {
    control::ask(client, names::ALLOW_STALE, request, within).await
}
