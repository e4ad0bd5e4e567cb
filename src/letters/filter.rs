//! Which letters are meant.

use super::Letter;
use crate::{
    contract::{EntityType, Severity},
    domain::{refusal::Reason, time::Timestamp},
};

/// Which letters are meant: those that fit everything that is said.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this reason.
    pub reason: Option<Reason>,
    /// As severe as this.
    pub severity: Option<Severity>,
    /// Of this type, or of types that begin so where it ends in `*`.
    pub kind: Option<String>,
    /// Owned by them.
    pub owner: Option<String>,
    /// About an entity of this kind.
    pub entity: Option<EntityType>,
    /// About this key.
    pub key: Option<String>,
    /// Given up at or after this.
    pub since: Option<Timestamp>,
    /// Given up before this.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether it says anything.
    pub fn is_empty(&self) -> bool {
        let words = self.kind.is_some() || self.owner.is_some() || self.key.is_some();
        let marks = self.reason.is_some() || self.severity.is_some() || self.entity.is_some();
        !(words || marks || self.since.is_some() || self.until.is_some())
    }

    /// Whether a letter is meant.
    pub fn fits(&self, letter: &Letter) -> bool {
        let at = letter.given_up_at();
        self.reason.is_none_or(|reason| letter.reason == reason)
            && self.severity.is_none_or(|severity| letter.severity == severity)
            && self.kind.as_deref().is_none_or(|kind| fits(kind, letter.event_type.as_deref()))
            && self.owner.as_ref().is_none_or(|owner| letter.owner == *owner)
            && self.entity.is_none_or(|entity| letter.entity_type() == Some(entity))
            && self.key.as_ref().is_none_or(|key| letter.event_subject.as_ref() == Some(key))
            && self.since.is_none_or(|since| at >= since)
            && self.until.is_none_or(|until| at < until)
    }
}

fn fits(wanted: &str, kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or_default();
    wanted.strip_suffix('*').map_or(kind == wanted, |begin| kind.starts_with(begin))
}
