//! EARMARK_DLQ for operators: dead letters in their order, the bytes behind them, and what was done
//! with them, which EARMARK_AUDIT has.
//!
//! Promises: a message is handed over and forgotten, so what is in memory does not depend on how
//! many there are; nothing here changes a letter or takes one away.

use std::{ops::ControlFlow, time::Duration};

use async_nats::jetstream::Context;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use super::{
    api::{self, Wanted},
    feed::{FeedOf, Item},
    names,
    settings::ReaderSettings,
    span,
};
use crate::{
    domain::{ids::EntityKey, time::Timestamp},
    ports::{Extent, Outlet, PortError},
};

/// How long an object of the store may take to come.
const OBJECT_WITHIN: Duration = Duration::from_secs(30);

/// How often reading is tried that does not come forward.
const READ_TRIES: u32 = 4;
/// How long it rests in between.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// A message of EARMARK_DLQ or EARMARK_AUDIT.
pub struct Filed<'a> {
    /// Where it stands.
    pub sequence: u64,
    /// Under which subject.
    pub subject: &'a str,
    /// What it says.
    pub payload: &'a [u8],
}

/// The streams of dead letters and of what was done with them.
pub struct NatsLetters {
    context: Context,
    settings: ReaderSettings,
}

impl NatsLetters {
    /// Reads over this connection.
    pub fn new(context: Context, settings: ReaderSettings) -> NatsLetters {
        NatsLetters { context, settings }
    }

    /// From where to where EARMARK_DLQ goes, and since when there is one.
    pub async fn extent(&self) -> Result<Extent, PortError> {
        Ok(api::look(&self.context, names::DLQ).await?.extent())
    }

    /// Hands over every letter up to a sequence, which may stop early.
    pub async fn each(
        &self,
        end: u64,
        mut visit: impl FnMut(Filed<'_>) -> ControlFlow<()> + Send,
    ) -> Result<(), PortError> {
        let filter = names::filter_of_outlet(Outlet::DeadLetters).to_owned();
        self.read((names::DLQ, &filter), end, |item| visit(filed(item))).await
    }

    /// Hands over everything that was written down about dead letters.
    pub async fn each_note(
        &self,
        mut visit: impl FnMut(Filed<'_>) + Send,
    ) -> Result<(), PortError> {
        let end = api::look(&self.context, names::AUDIT).await?.last;
        self.read((names::AUDIT, names::AUDIT_DLQ), end, |item| {
            visit(filed(item));
            ControlFlow::Continue(())
        })
        .await
    }

    /// Reads on where a busy server stopped, as long as it comes forward now and then: it is at a
    /// peak that somebody looks.
    async fn read(
        &self,
        (stream, filter): (&'static str, &str),
        end: u64,
        mut visit: impl FnMut(&Item) -> ControlFlow<()> + Send,
    ) -> Result<(), PortError> {
        let (mut position, mut failures) = (0, 0);
        loop {
            let (after, filter) = (position, filter.to_owned());
            let of = FeedOf { stream, filter, after, headers_only: false };
            let read = span::read(&self.context, &self.settings, &of, end, |item| {
                position = item.sequence;
                visit(&item)
            });
            let Err(error) = read.await else { return Ok(()) };
            failures = if position > after { 1 } else { failures + 1 };
            if failures >= READ_TRIES {
                return Err(error);
            }
            tokio::time::sleep(READ_AGAIN_AFTER).await;
        }
    }

    /// The letter at a sequence, with its subject.
    pub async fn at(&self, sequence: u64) -> Result<Option<(String, Bytes)>, PortError> {
        let stored = api::get(&self.context, names::DLQ, Wanted::at(sequence)).await?;
        Ok(stored.map(|stored| (stored.subject, stored.payload)))
    }

    /// The headers of what was read, as long as the log has it: a line each.
    pub async fn headers(
        &self,
        stream: &str,
        sequence: u64,
        logged_at: Timestamp,
    ) -> Result<Option<Vec<String>>, PortError> {
        let stored = api::get(&self.context, stream, Wanted::at(sequence)).await?;
        // A log that was begun anew has another message there.
        let own = stored.filter(|stored| stored.at == logged_at);
        Ok(own.map(|stored| stored.header_lines().into_iter().map(str::to_owned).collect()))
    }

    /// The bytes of an object; nothing if it is not there.
    pub async fn object(&self, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        let error = |why: String| PortError::new(format!("read the object {name}"), why);
        let store = self.context.get_object_store(names::OBJECTS).await;
        let store = store.map_err(|e| error(e.to_string()))?;
        let read = async {
            let mut object = match store.get(name).await {
                Ok(object) => object,
                Err(e) if e.to_string().contains("not found") => return Ok(None),
                Err(e) => return Err(error(e.to_string())),
            };
            let mut bytes = Vec::new();
            object.read_to_end(&mut bytes).await.map_err(|e| error(e.to_string()))?;
            Ok(Some(bytes))
        };
        let read = tokio::time::timeout(OBJECT_WITHIN, read).await;
        read.unwrap_or_else(|_| Err(error(format!("no answer in {OBJECT_WITHIN:?}"))))
    }

    /// What the owner of a SKU or an order says of it now, or why nothing is said.
    pub async fn ask(&self, key: &EntityKey, within: Duration) -> Result<Value, String> {
        let subject = match key {
            EntityKey::Sku(_) => names::QUERY_SKU,
            EntityKey::Order(_) => names::QUERY_ORDER,
        };
        let question = json!({ (key.entity()): key.key() }).to_string();
        let client = self.context.client();
        let asked = client.request(subject, question.into());
        let answer = match tokio::time::timeout(within, asked).await {
            Ok(answer) => answer.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no answer in {within:?}")),
        };
        serde_json::from_slice(&answer.payload).map_err(|_| {
            let header = |name| answer.headers.as_ref()?.get(name).map(ToString::to_string);
            header(async_nats::service::NATS_SERVICE_ERROR).unwrap_or("no answer".to_owned())
        })
    }
}

fn filed(item: &Item) -> Filed<'_> {
    let message = &item.message;
    Filed { sequence: item.sequence, subject: &message.subject, payload: &message.payload }
}
