//! Who answers questions in a pod: by the partition's own desk, by the pod that serves it, or by
//! what was shown last.
//!
//! Promises: what an owner says is committed; every question has an answer or a refusal within the
//! time that is set, and a little more for reading the last value; what is under way is bounded.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};

use super::{
    answer,
    certainty::{Rule, Standing, Stands},
    desk::{Desks, Question, Unable},
    question::{Refusal, busy},
};
use crate::{
    cluster::Lease,
    contract::{availability::Shown, partition_of, subject::availability_subject},
    domain::ids::{EntityKey, Sku},
    ports::{Clock, Outbox, Partition, PortError},
    telemetry,
};

/// How questions are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an owner may take.
    pub within: Duration,
    /// Questions that are under way in a pod, and that wait for one partition.
    pub waiting_max: usize,
    /// What answers are measured by.
    pub rule: Rule,
}

/// Why an owner said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody serves the partition, as far as can be seen.
    Nobody,
    /// Somebody does, and does not answer.
    Silent(String),
    /// The entity is set aside.
    SetAside,
}

impl Silence {
    fn text(&self) -> &str {
        match self {
            Silence::Nobody => "no pod serves its partition",
            Silence::Silent(why) => why,
            Silence::SetAside => "it failed on an input and decides no more",
        }
    }
}

/// What an owner elsewhere says.
pub type Heard = Result<Result<Bytes, Refusal>, Silence>;

/// The pods beside this one.
#[async_trait]
pub trait Others: Send + Sync {
    /// Asks the pod that serves a partition.
    async fn ask(&self, partition: Partition, key: &EntityKey, within: Duration) -> Heard;

    /// The partition's lease, if there is one.
    async fn lease(&self, partition: Partition) -> Result<Option<Lease>, PortError>;
}

/// A pod that has no others.
pub struct Alone;

#[async_trait]
impl Others for Alone {
    async fn ask(&self, _: Partition, _: &EntityKey, _: Duration) -> Heard {
        Err(Silence::Nobody)
    }

    async fn lease(&self, _: Partition) -> Result<Option<Lease>, PortError> {
        Ok(None)
    }
}

/// The ports that a clerk needs.
pub struct Reach {
    /// The pods beside this one.
    pub others: Arc<dyn Others>,
    /// Where the last availability of a SKU is read.
    pub outbox: Arc<dyn Outbox>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Answers questions.
pub struct Clerk {
    desks: Desks,
    partitions: Partition,
    reach: Reach,
    settings: Settings,
    under_way: Semaphore,
}

impl Clerk {
    /// A clerk of a pod with these desks.
    pub fn new(
        desks: Desks,
        partitions: Partition,
        reach: Reach,
        settings: Settings,
    ) -> Arc<Clerk> {
        let under_way = Semaphore::new(settings.waiting_max);
        Arc::new(Clerk { desks, partitions, reach, settings, under_way })
    }

    /// The partitions' desks.
    pub fn desks(&self) -> &Desks {
        &self.desks
    }

    /// What share of the questions that may be under way are, from 0 to 1.
    pub fn in_use(&self) -> f64 {
        let most = self.settings.waiting_max.max(1);
        most.saturating_sub(self.under_way.available_permits()) as f64 / most as f64
    }

    /// What is known of a SKU or an order.
    pub async fn ask(&self, key: &EntityKey) -> Result<Bytes, Refusal> {
        let began = Instant::now();
        let (way, answer) = self.answer(key).await;
        let result = answer.as_ref().err().map_or(way, |refusal| refusal.code.as_str());
        telemetry::door::question(key.entity(), result, began.elapsed());
        answer
    }

    /// The answer, and by which way it came.
    async fn answer(&self, key: &EntityKey) -> (&'static str, Result<Bytes, Refusal>) {
        let Ok(_room) = self.under_way.try_acquire() else {
            return ("busy", Err(busy(self.settings.waiting_max)));
        };
        let partition = partition_of(key, self.partitions);
        let (way, heard) = match self.here(partition, key).await {
            Err(Silence::Nobody) => {
                let others = &self.reach.others;
                ("passed_on", others.ask(partition, key, self.settings.within).await)
            }
            heard => ("owner", heard),
        };
        match heard {
            Ok(answer) => (way, answer),
            Err(silence) => ("last_known", self.last_known(partition, key, &silence).await),
        }
    }

    /// The same, for another pod that takes this one for the owner.
    pub async fn ask_here(&self, partition: Partition, key: &EntityKey) -> Heard {
        let Ok(_room) = self.under_way.try_acquire() else {
            return Ok(Err(busy(self.settings.waiting_max)));
        };
        match partition_of(key, self.partitions) == partition {
            true => self.here(partition, key).await,
            false => Err(Silence::Nobody),
        }
    }

    async fn here(&self, partition: Partition, key: &EntityKey) -> Heard {
        let Some(desk) = self.desks.at(partition) else { return Err(Silence::Nobody) };
        let (reply, answer) = oneshot::channel();
        if desk.try_send(Question { key: key.clone(), reply }).is_err() {
            return Err(Silence::Silent("too many questions wait for its owner".to_owned()));
        }
        let within = self.settings.within;
        match tokio::time::timeout(within, answer).await {
            Ok(Ok(Ok(told))) => {
                let answer = answer::told(key, partition, &told, &self.settings.rule);
                Ok(answer.map(Bytes::from))
            }
            Ok(Ok(Err(Unable::SetAside))) => Err(Silence::SetAside),
            Ok(Ok(Err(Unable::Cold))) => {
                Err(Silence::Silent("its owner cannot read the snapshots now".to_owned()))
            }
            Ok(Err(_)) => Err(Silence::Silent("its owner has just stopped".to_owned())),
            Err(_) => {
                let within = within.as_millis();
                Err(Silence::Silent(format!(
                    "its owner could not make certain of it within {within} ms (query.within_ms)"
                )))
            }
        }
    }

    async fn last_known(
        &self,
        partition: Partition,
        key: &EntityKey,
        silence: &Silence,
    ) -> Result<Bytes, Refusal> {
        let now = self.reach.clock.now();
        let shown = match key {
            EntityKey::Sku(sku) => self.shown(sku).await,
            EntityKey::Order(_) => None,
        };
        let standing = match shown {
            Some(_) => self.standing(partition, silence).await,
            None => None,
        };
        let why = (now, silence.text());
        let rule = &self.settings.rule;
        answer::last_known(key, partition, shown, standing.as_ref(), why, rule).map(Bytes::from)
    }

    /// What was shown of a SKU last.
    async fn shown(&self, sku: &Sku) -> Option<Shown> {
        let subject = availability_subject(sku);
        let last = self.reach.outbox.last_availability(&subject);
        match tokio::time::timeout(self.settings.within, last).await {
            Ok(Ok(last)) => last.and_then(|(_, value)| Shown::read(&value)),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no last value can be read");
                None
            }
            Err(_) => None,
        }
    }

    /// How the partition stands, for one who has heard nothing from its owner.
    async fn standing(&self, partition: Partition, silence: &Silence) -> Option<Standing> {
        let of = |stands| Standing {
            stands,
            at: self.reach.clock.now(),
            unread: None,
            decided_to: None,
            added_to: None,
            sheds: false,
        };
        match silence {
            Silence::SetAside => return Some(of(Stands::SetAside)),
            Silence::Silent(_) => return Some(of(Stands::Silent)),
            Silence::Nobody => {}
        }
        let lease = self.reach.others.lease(partition);
        let Ok(Ok(lease)) = tokio::time::timeout(self.settings.within, lease).await else {
            return Some(of(Stands::Silent));
        };
        Some(match Standing::of(&lease?) {
            // It says that it serves, and was not there to be asked.
            standing if standing.stands == Stands::Serving => of(Stands::Silent),
            standing => standing,
        })
    }
}
