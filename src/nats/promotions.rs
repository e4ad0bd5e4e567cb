//! `earmark.control.promotion`: operators announce promotions, and cancel them.
//!
//! Promises: EARMARK_AUDIT has a change before it is made, and what came of it; a change is made on
//! what its answer calls `before`, whoever else changes the same; the note lapses with the
//! promotion's end. No more are let in than the settings say; two desks at once may let in one
//! more.

use serde_json::{Value, json};

use super::{
    audit::{Audit, TRIES, contended},
    names,
    orders::Desk,
};
use crate::{
    cluster::look,
    contract::time,
    control::{
        Promoted, Promotion, PromotionAnswer, PromotionRequest, Refused, Who,
        announcing::{Announcement, NOTE_BYTES_MAX, PromotionChanged, PromotionStatus},
        answer::Code,
    },
    domain::time::Timestamp,
    ports::{Leases, NoteError, PortError},
};

/// What a message has beside the two notes that it carries at most.
const BESIDE_BYTES: usize = 8 * 1024;

/// What is to be changed: one is to stand under its name, or none.
enum Change<'a> {
    Announce(&'a Announcement),
    Cancel(&'a str, &'a Who),
}

/// What stood there when it was looked, where, and when that was.
struct Found {
    promotion: Option<Promotion>,
    revision: u64,
    now: Timestamp,
}

impl Change<'_> {
    fn set(&self) -> &'static str {
        match self {
            Change::Announce(_) => "announce",
            Change::Cancel(..) => "cancel",
        }
    }

    fn name(&self) -> &str {
        match self {
            Change::Announce(announcement) => announcement.name(),
            Change::Cancel(name, _) => name,
        }
    }

    fn who(&self) -> &Who {
        match self {
            Change::Announce(announcement) => announcement.who(),
            Change::Cancel(_, who) => who,
        }
    }
}

impl Desk {
    /// What a request on `earmark.control.promotion` is answered.
    pub(super) async fn promotion(&self, payload: &[u8]) -> PromotionAnswer {
        self.promote(payload).await.unwrap_or_else(PromotionAnswer::Refused)
    }

    async fn promote(&self, payload: &[u8]) -> Result<PromotionAnswer, Refused> {
        let changed = match &PromotionRequest::parse(payload, &self.promotions)? {
            PromotionRequest::Status => {
                return self.outlook().await.map(PromotionAnswer::Status);
            }
            PromotionRequest::Announce(asked) => self.change_one(&Change::Announce(asked)).await?,
            PromotionRequest::Cancel { name, who } => {
                self.change_one(&Change::Cancel(name, who)).await?
            }
        };
        Ok(PromotionAnswer::Changed(Box::new(changed)))
    }

    async fn outlook(&self) -> Result<PromotionStatus, Refused> {
        let now = self.now().await.map_err(|error| Refused::unavailable(&error))?;
        let standing = self.standing(now).await?;
        let lead = self.promotions.lead;
        let outlook = standing.iter().map(|one| one.outlook(self.partitions, lead, now));
        Ok(PromotionStatus {
            set: "status".to_owned(),
            pod: self.pod.clone(),
            at: time::format(now),
            promotions: outlook.collect(),
        })
    }

    /// The promotions that are to come, or go on.
    async fn standing(&self, now: Timestamp) -> Result<Vec<Promotion>, Refused> {
        let view = look(&self.leases, self.partitions).await;
        let view = view.map_err(|error| Refused::unavailable(&error))?;
        let standing = view.promotions().map(|(promotion, _)| promotion);
        Ok(standing.filter(|promotion| promotion.counts(now)).cloned().collect())
    }

    /// What stands under a name; one that is over is none.
    async fn find_one(&self, key: &str) -> Result<Found, PortError> {
        let (noted, revision) = self.leases.standing(key).await?;
        let now = self.now().await?;
        let promotion = noted.and_then(|noted| Promotion::decode(&noted).ok());
        let promotion = promotion.filter(|promotion| promotion.counts(now));
        Ok(Found { promotion, revision, now })
    }

    /// What is to stand there from now on, if it may.
    async fn wanted(&self, change: &Change<'_>, at: &Found) -> Result<Option<Promotion>, Refused> {
        match (change, &at.promotion) {
            (Change::Cancel(name, _), None) => Err(self.unknown(name, at.now).await?),
            (Change::Cancel(..), Some(_)) => Ok(None),
            (Change::Announce(announcement), before) => {
                let message = self.control.client().server_info().max_payload;
                let most = (message / 2).saturating_sub(BESIDE_BYTES).min(NOTE_BYTES_MAX);
                let promotion = announcement.promotion(at.now, &self.promotions, most)?;
                if before.is_none() {
                    self.has_room_for_one(at.now).await?;
                }
                Ok(Some(promotion))
            }
        }
    }

    async fn unknown(&self, name: &str, now: Timestamp) -> Result<Refused, Refused> {
        let standing = self.standing(now).await?;
        let names: Vec<&str> = standing.iter().map(|one| one.name.as_str()).collect();
        let expected = match names.is_empty() {
            true => "the name of a promotion that stands; there is none".to_owned(),
            false => format!("the name of one that stands: {}", names.join(", ")),
        };
        Ok(Refused::field(Code::UnknownValue, "name", Some(format!("{name:?}")), &expected))
    }

    async fn has_room_for_one(&self, now: Timestamp) -> Result<(), Refused> {
        let (standing, most) = (self.standing(now).await?.len(), self.promotions.standing_max);
        if standing < most {
            return Ok(());
        }
        let text = format!("nothing was changed: {standing} promotions stand, {most} may");
        let advice = "cancel one, wait until one is over, or raise promotions.standing_max";
        Err(Refused::other(Code::TooMany, text, advice))
    }

    async fn change_one(&self, change: &Change<'_>) -> Result<PromotionChanged, Refused> {
        let unavailable = |error| Refused::unavailable(&error);
        let key = Promotion::note(change.name());
        for _ in 0..TRIES {
            let found = self.find_one(&key).await.map_err(unavailable)?;
            let after = self.wanted(change, &found).await?;
            let write = self.write_one(&key, &found, after.as_ref());
            let audit = Audit { context: &self.control, subject: names::AUDIT_PROMOTION };
            let what = self.what_of_one(change, &found, after.as_ref());
            if let Some(audit) = audit.around(what, write).await? {
                return Ok(self.changed(change, found.promotion, after, audit));
            }
        }
        Err(contended())
    }

    async fn write_one(
        &self,
        key: &str,
        found: &Found,
        after: Option<&Promotion>,
    ) -> Result<(), NoteError> {
        match after {
            None => self.leases.take_away(key, found.revision).await,
            Some(promotion) => {
                let (note, lasts) = (promotion.encode(), promotion.lasts(found.now));
                self.leases.note(key, note, Some(found.revision), lasts).await.map(drop)
            }
        }
    }

    fn changed(
        &self,
        change: &Change<'_>,
        before: Option<Promotion>,
        after: Option<Promotion>,
        audit: u64,
    ) -> PromotionChanged {
        let lead = self.promotions.lead;
        PromotionChanged {
            set: change.set().to_owned(),
            pod: self.pod.clone(),
            arms_at: after.as_ref().map(|after| time::format(after.arms_at(lead))),
            partitions: Promoted::of(after.iter(), self.partitions).partitions(),
            before,
            after,
            audit,
        }
    }

    /// What the audit has of a change.
    fn what_of_one(&self, change: &Change<'_>, found: &Found, after: Option<&Promotion>) -> Value {
        let Who { by, reason } = change.who();
        json!({
            "at": time::format(found.now),
            "by": by,
            "reason": reason,
            "command": "promotion",
            "set": change.set(),
            "name": change.name(),
            "pod": self.pod,
            "before": found.promotion,
            "after": after,
        })
    }
}
