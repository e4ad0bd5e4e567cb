//! Dead letters on their way out: what a committed record says of them, and the bytes that were
//! read, which are fetched from the log now.
//!
//! Promises: the same letter is the same whenever it is sent, as long as the log has its bytes;
//! what is large stands in the object store before a letter names it.

use bytes::Bytes;

use super::{effects::Letter, entry::ReadAt, release::Releaser};
use crate::{
    contract::{
        EVENT_TYPES, EntityType, StoredSubject,
        dead_letter::{DeadLetter, Payload, event_time, render_dead_letter},
        subject::dead_letter_subject,
    },
    domain::event::Lane,
    ports::{Outgoing, Outlet, Source},
};

/// Original bytes beyond this go to the object store, and the dead letter names the object.
const DEAD_LETTER_BYTES_MAX: usize = 256 * 1024;

impl Releaser {
    /// The message of a dead letter.
    pub(super) async fn dead_letter(&self, letter: Letter) -> Outgoing {
        let original = match &letter.read {
            Some(read) => self.original(read).await,
            None => None,
        };
        let (original, headers) = original.unwrap_or_default();
        let rejection = &letter.rejection.naming(&original);
        let payload = match original.len() > DEAD_LETTER_BYTES_MAX {
            true => {
                self.put_object(&letter.id, original.clone()).await;
                Payload::Object(&letter.id)
            }
            false => Payload::Inline(&original),
        };
        let lane = match letter.read.as_ref().map(|read| read.source) {
            Some(Source::Lane(lane)) => lane,
            Some(Source::Commands) | None => Lane::Settlement,
        };
        let kind = rejection.kind.as_deref();
        let handling = self.published.catalogue.handling(rejection.reason, kind, lane);
        crate::telemetry::dead_letter(rejection.reason, &handling);
        let read = letter.read.as_ref();
        let body = render_dead_letter(&DeadLetter {
            id: &letter.id,
            rejection,
            handling,
            event_time: event_time(&original),
            stream: match read.map(|read| read.source) {
                Some(Source::Commands) => "EARMARK_CMD",
                Some(Source::Lane(_)) | None => "EARMARK_IN",
            },
            sequence: read.map_or(0, |read| read.sequence),
            subject: read.map_or("", |read| read.subject.as_str()),
            logged_at: read.map_or(letter.at, |read| read.at),
            time: letter.at,
            headers: &headers,
            stood: letter.stood,
            payload,
        });
        let entity = entity_type(&letter);
        let key = letter.entity.as_ref().map(|entity| entity.key());
        let key = key.or(rejection.subject.as_deref());
        Outgoing {
            outlet: Outlet::DeadLetters,
            subject: dead_letter_subject(handling.severity, rejection.reason, entity, key),
            payload: body.into(),
            id: Some(letter.id),
            headers: Vec::new(),
            after: None,
        }
    }

    /// The bytes that were read, and their headers; not those that a log which lost its tail has in
    /// their place.
    async fn original(&self, read: &ReadAt) -> Option<(Bytes, String)> {
        loop {
            match self.input.fetch_with_headers(read.source, read.sequence).await {
                Ok(found) => {
                    let own = found.filter(|(message, _)| message.at == read.at);
                    return own.map(|(message, headers)| (message.payload, headers));
                }
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "a dead letter waits");
                    tokio::time::sleep(self.retry_after).await;
                }
            }
        }
    }
}

/// Of which kind the entity is: as it says itself, or the event's type, or where it was read.
fn entity_type(letter: &Letter) -> Option<EntityType> {
    let own = letter.entity.as_ref().map(EntityType::of);
    let kind = letter.rejection.kind.as_deref();
    let typed = EVENT_TYPES.iter().find(|known| Some(known.kind) == kind);
    let read = letter.read.as_ref().and_then(|read| StoredSubject::parse(&read.subject));
    own.or(typed.map(|known| known.entity)).or(read.map(|stored| stored.entity))
}
