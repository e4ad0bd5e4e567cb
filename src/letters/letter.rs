//! A dead letter, read back from its JSON.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    contract::{
        Catalogue, EVENT_TYPES, EntityType, Severity, StoredSubject, catalogue::Handling,
        dead_letter::UNITS, outcome::QUANTITIES, shape::Field, time,
    },
    domain::{
        brief::OrderBrief, described::Described, event::Lane, ids::EntityKey, outcome::Quantities,
        refusal::Reason, time::Timestamp,
    },
};

/// Which event a letter is about: its `source`, its `id` and its SKU or order, which remembers ids
/// for itself; or, where they could not be read, the place that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(pub u128);

impl Identity {
    fn of(parts: &[&str]) -> Identity {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Identity(u128::from_le_bytes(bytes))
    }

    /// From its text.
    pub fn parse(text: &str) -> Option<Identity> {
        u128::from_str_radix(text, 16).ok().map(Identity)
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A dead letter. What is absent was sent by a version that did not say it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "contract::dead_letter::FIELDS says what each is")]
pub struct Letter {
    pub id: String,
    pub reason: Reason,
    pub rule: String,
    pub severity: Severity,
    pub owner: String,
    pub escalation: Option<String>,
    pub replay: Option<String>,
    pub cost_per_hour_minor: Option<u64>,
    pub currency: Option<String>,
    pub contract_version: Option<u32>,
    pub message: String,
    pub field: Option<String>,
    pub found: String,
    pub expected: String,
    pub action: String,
    pub event_source: Option<String>,
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    pub event_subject: Option<String>,
    pub event_time: Option<String>,
    pub reply_to: Option<String>,
    pub stream: String,
    pub sequence: u64,
    pub subject: String,
    pub logged_at: String,
    pub time: String,
    pub headers: Option<String>,
    pub revision: Option<u64>,
    pub quantities: Option<Quantities>,
    pub order: Option<OrderBrief>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
}

impl Letter {
    /// A letter from a message of EARMARK_DLQ; nothing for what is none.
    pub fn read(payload: &[u8]) -> Option<Letter> {
        serde_json::from_slice(payload).ok()
    }

    /// Which event it is about.
    pub fn identity(&self) -> Identity {
        match (&self.event_source, &self.event_id) {
            (Some(source), Some(id)) => {
                let entity = self.entity().map_or_else(String::new, |entity| entity.to_string());
                Identity::of(&["event", source, id, &entity])
            }
            _ => Identity::of(&["place", &self.stream, &self.sequence.to_string()]),
        }
    }

    /// When it was given up.
    pub fn given_up_at(&self) -> Timestamp {
        time::parse(&self.time).unwrap_or_default()
    }

    /// When the log took what it is about.
    pub fn logged_at(&self) -> Timestamp {
        time::parse(&self.logged_at).unwrap_or_default()
    }

    /// The lane that it was read from.
    pub fn lane(&self) -> Lane {
        StoredSubject::parse(&self.subject).map_or(Lane::Settlement, |stored| stored.lane)
    }

    /// What the table of now says of it.
    pub fn handling<'a>(&self, catalogue: &'a Catalogue) -> Handling<'a> {
        catalogue.handling(self.reason, self.event_type.as_deref(), self.lane())
    }

    /// Of which kind its entity is: as its type says, or as it was read.
    pub fn entity_type(&self) -> Option<EntityType> {
        let kind = self.event_type.as_deref();
        let typed = EVENT_TYPES.iter().find(|known| Some(known.kind) == kind);
        let stored = StoredSubject::parse(&self.subject);
        typed.map(|known| known.entity).or(stored.map(|stored| stored.entity))
    }

    /// The entity that it is about, as far as that is known.
    pub fn entity(&self) -> Option<EntityKey> {
        self.entity_type()?.key(self.event_subject.as_deref()?).ok()
    }

    /// How its entity stood, in a line, where that is said: what there was of it.
    pub fn stood(&self) -> Option<String> {
        let written = match (&self.quantities, &self.order) {
            (Some(units), _) => some_of(QUANTITIES, units),
            (None, Some(order)) => {
                let (status, payment) = (order.status.name(), order.payment.name());
                format!("{status}, {payment}: {}", some_of(UNITS, &order.units))
            }
            (None, None) => return self.revision.map(|_| "not placed".to_owned()),
        };
        Some(written)
    }

    /// Its bytes, where it has them itself.
    pub fn payload(&self) -> Option<Vec<u8>> {
        STANDARD.decode(self.payload_base64.as_deref()?).ok()
    }
}

/// The units that are not zero, in words.
fn some_of(fields: &[Field], units: &impl Serialize) -> String {
    let units = serde_json::to_value(units).unwrap_or_default();
    let some = fields.iter().filter(|field| units[field.name] != 0);
    let words = some.map(|field| format!("{} {}", field.name.replace('_', " "), units[field.name]));
    let words: Vec<_> = words.collect();
    if words.is_empty() { "no units".to_owned() } else { words.join(", ") }
}
