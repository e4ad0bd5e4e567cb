//! Shows what a shop may promise: the last value of each SKU, in EARMARK_AVAILABILITY.
//!
//! A value is sent on condition of what stands there, and not at all where that is known to be
//! newer, so an older one never replaces a newer. The stream may lose what it acknowledged: what
//! was shown last is looked up again after trouble and from time to time; if it is gone, recovery
//! shows all since the last mark again.

use std::collections::{BTreeMap, HashMap};

use super::{Exit, effects::ShownSince, record::ShownAt, release::Releaser};
use crate::{
    contract::{
        availability::{Availability, render_availability, revision_shown},
        subject::availability_subject,
    },
    domain::ids::Sku,
    mutants::{self, Mutant},
    ports::{Outgoing, Outlet, SendError},
};

/// Availability subjects whose last sequence is remembered at most.
const SUBJECTS_MAX: usize = 100_000;

/// What is known of EARMARK_AVAILABILITY.
#[derive(Debug, Default)]
pub struct Showing {
    /// What stands last under some subjects.
    there: HashMap<Sku, There>,
    /// What was shown last.
    last: Option<Shown>,
}

/// What stands last under a SKU's subject: where, and of which incarnation and revision.
#[derive(Clone, Copy, Debug)]
struct There {
    sequence: u64,
    revision: Option<(u64, u64)>,
}

/// A value that was shown.
#[derive(Clone, Debug)]
struct Shown {
    sequence: u64,
    sku: Sku,
    revision: u64,
    at: ShownAt,
}

impl Showing {
    /// The decision whose availability was shown last.
    pub fn newest(&self) -> Option<ShownAt> {
        self.last.as_ref().map(|last| last.at)
    }

    fn remember(&mut self, sku: Sku, there: There) {
        if self.there.len() >= SUBJECTS_MAX {
            self.there.clear();
        }
        self.there.insert(sku, there);
    }

    /// Whether something newer was found of a SKU: whoever was owner before went on for longer than
    /// its mark says. The same is shown again, since the stream may have lost it meanwhile.
    fn knows_newer(&self, sku: &Sku, since: &ShownSince) -> bool {
        let there = self.there.get(sku).filter(|_| !mutants::is_in(Mutant::NewerForgotten));
        there.is_some_and(|there| there.revision > Some(revision(since)))
    }

    /// Notes what the stream has taken. One that stands before what was taken earlier has filled a
    /// gap.
    fn took(
        &mut self,
        sku: Sku,
        since: &ShownSince,
        sequence: u64,
        known: u64,
    ) -> Result<(), Exit> {
        if sequence <= known {
            return Err(Exit::OutLostItsTail);
        }
        if self.last.as_ref().is_none_or(|last| last.sequence < sequence) {
            let (at, revision) = (since.at, since.shown.revision);
            self.last = Some(Shown { sequence, sku: sku.clone(), revision, at });
        }
        self.remember(sku, There { sequence, revision: Some(revision(since)) });
        Ok(())
    }
}

impl Releaser {
    pub(super) async fn show(&mut self, shown: BTreeMap<Sku, ShownSince>) -> Result<(), Exit> {
        let mut round: Vec<(Sku, u64)> = Vec::with_capacity(shown.len());
        round.extend(shown.iter().map(|(sku, since)| (sku.clone(), since.shown.revision)));
        round.extend(self.showing.last.as_ref().map(|last| (last.sku.clone(), last.revision)));
        if self.show_all(shown).await? {
            return Ok(());
        }
        for (sku, revision) in round {
            self.look_up_availability(&sku, revision).await?;
        }
        Ok(())
    }

    /// Makes certain that what was shown last is still there.
    pub(super) async fn look_up_shown(&mut self) -> Result<(), Exit> {
        match self.showing.last.clone() {
            Some(last) => self.look_up_availability(&last.sku, last.revision).await,
            None => Ok(()),
        }
    }

    async fn look_up_availability(&mut self, sku: &Sku, revision: u64) -> Result<(), Exit> {
        match self.revision_there(sku).await {
            Some(there) if there >= (self.incarnation, revision) => Ok(()),
            Some(_) | None => Err(Exit::OutLostItsTail),
        }
    }

    /// Sends until each is there, or something newer; whether that went smoothly.
    async fn show_all(&mut self, mut shown: BTreeMap<Sku, ShownSince>) -> Result<bool, Exit> {
        let known = self.showing.last.as_ref().map_or(0, |last| last.sequence);
        let mut pause = self.retry_after;
        let mut smooth = true;
        shown.retain(|sku, since| !self.showing.knows_newer(sku, since));
        while !shown.is_empty() {
            let messages = shown.iter().map(|(sku, since)| self.value(sku, since)).collect();
            let results = self.outbox.send(messages).await;
            let mut again = BTreeMap::new();
            let mut refused = false;
            for ((sku, since), result) in shown.into_iter().zip(results) {
                match result {
                    Ok(sent) => self.showing.took(sku, &since, sent.sequence, known)?,
                    Err(SendError::Refused) => {
                        refused = true;
                        if self.is_news(&sku, &since).await {
                            again.insert(sku, since);
                        }
                    }
                    Err(_) => {
                        smooth = false;
                        again.insert(sku, since);
                    }
                }
            }
            shown = again;
            if !shown.is_empty() && !refused {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(self.retry_after * 16);
            }
        }
        Ok(smooth)
    }

    fn value(&self, sku: &Sku, since: &ShownSince) -> Outgoing {
        let payload = render_availability(&Availability {
            sku,
            incarnation: since.incarnation,
            revision: since.shown.revision,
            as_of: since.as_of,
            total: since.shown.total,
        });
        Outgoing {
            outlet: Outlet::Availability,
            subject: availability_subject(sku),
            id: None,
            headers: Vec::new(),
            payload: payload.into(),
            after: Some(self.showing.there.get(sku).map_or(0, |there| there.sequence))
                .filter(|_| !mutants::is_in(Mutant::AvailabilityUnordered)),
        }
    }

    /// Whether ours is newer than what is shown of a SKU.
    async fn is_news(&mut self, sku: &Sku, since: &ShownSince) -> bool {
        let there = self.revision_there(sku).await;
        there.is_none_or(|there| there < revision(since))
    }

    /// Reads what is shown of a SKU.
    async fn revision_there(&mut self, sku: &Sku) -> Option<(u64, u64)> {
        let subject = availability_subject(sku);
        let last = loop {
            match self.outbox.last_availability(&subject).await {
                Ok(last) => break last,
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "availability waits");
                    tokio::time::sleep(self.retry_after).await;
                }
            }
        };
        match last {
            Some((sequence, bytes)) => {
                let revision = revision_shown(&bytes);
                self.showing.remember(sku.clone(), There { sequence, revision });
                revision
            }
            None => {
                self.showing.there.remove(sku);
                None
            }
        }
    }
}

/// Of which incarnation and revision a value is.
fn revision(since: &ShownSince) -> (u64, u64) {
    (since.incarnation, since.shown.revision)
}
