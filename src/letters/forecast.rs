//! What an event would do, tried on a copy of its entity that is folded from the journal.
//!
//! Promises: nothing is published and no pod is asked. Events of one entity are tried one after
//! another, so that a later one meets what an earlier one would have done. The copy knows what is
//! committed and nothing that happens meanwhile: it is a forecast, and the decision may differ.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    contract::{self, AnyEvent, Decoded, Limits, Received, StoredSubject, partition_of},
    domain::{
        Breach, Entity, Moment,
        decision::{Cause, Decision, Input, Published, Standing, Verdict},
        ids::EntityKey,
        policy::Policy,
        refusal::Reason,
        time::Timestamp,
    },
    error::Failure,
    inspecting::{Found, Kept, fold_all},
    partition::fold::State,
    ports::{Journal, Partition, Shelf},
};

/// What would come of an event.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// In a word: `accepted`, `granted`, `refused`, `waits`, `fails` …
    pub verdict: String,
    /// Why it would be refused, or fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// It was decided before, and would be answered as the first time.
    pub repeated: bool,
    /// Whether it would be a dead letter again.
    pub dead_again: bool,
    /// The entity in brief, before it.
    pub before: Value,
    /// And after it.
    pub after: Value,
    /// Outcomes that would be published.
    pub outcomes: Vec<String>,
    /// Entities that would be asked or told something.
    pub tells: Vec<String>,
}

/// A copy of an entity.
struct Copy {
    state: State,
    quarantined: Option<String>,
    /// Its code failed on an event that was tried.
    failed: bool,
}

/// Where copies come from, and those that were made.
pub struct Copies<'a> {
    /// The journal.
    pub journal: &'a dyn Journal,
    /// Archives, where the journal was trimmed.
    pub shelf: &'a dyn Shelf,
    /// How many partitions there are.
    pub partitions: Partition,
    /// What decisions depend on.
    pub policy: &'a Policy,
    /// The contract's limits.
    pub limits: &'a Limits,
    copies: HashMap<EntityKey, Copy>,
}

impl<'a> Copies<'a> {
    /// None yet.
    pub fn new(
        journal: &'a dyn Journal,
        shelf: &'a dyn Shelf,
        partitions: Partition,
        policy: &'a Policy,
        limits: &'a Limits,
    ) -> Copies<'a> {
        Copies { journal, shelf, partitions, policy, limits, copies: HashMap::new() }
    }

    /// Tries an event that would be logged now, on its own subject; however `late` it is, if an
    /// operator lets it. Of its entity a copy was made.
    pub fn try_on(&mut self, event: Decoded, now: Timestamp, late: bool) -> Forecast {
        let subject = StoredSubject {
            partition: partition_of(&event.key, self.partitions),
            lane: event.lane,
            entity: contract::EntityType::of(&event.key),
        };
        let received = Received { subject, partitions: self.partitions, logged_at: now };
        if let Err(why) = contract::admit(&event, &received, self.limits) {
            return refused_at_the_door(why.reason, why.to_string());
        }
        let (key, cause, event) = event.into_parts(now, 0);
        let moment = Moment { late, ..Moment::new(now, self.policy) };
        let Some(copy) = self.copies.get_mut(&key) else {
            return fails(Value::Null, format!("no copy of {key} was made"));
        };
        copy.take(cause, event, &moment)
    }

    /// Makes copies of these, each partition's in one reading of its journal.
    pub async fn make(&mut self, keys: HashSet<EntityKey>) -> Result<(), Failure> {
        let mut by_partition: BTreeMap<Partition, HashSet<EntityKey>> = BTreeMap::new();
        for key in keys {
            let partition = partition_of(&key, self.partitions);
            by_partition.entry(partition).or_default().insert(key);
        }
        for (partition, keys) in by_partition {
            let kept = Kept {
                journal: self.journal,
                shelf: Some(self.shelf),
                partition,
                partitions: self.partitions,
            };
            let found = fold_all(&kept, &keys).await?.into_iter();
            self.copies.extend(found.map(|(key, Found { state, quarantined, .. })| {
                (key, Copy { state, quarantined, failed: false })
            }));
        }
        Ok(())
    }
}

impl Copy {
    fn take(&mut self, cause: Arc<Cause>, event: AnyEvent, moment: &Moment<'_>) -> Forecast {
        let before = brief(&self.state);
        if let Some(why) = &self.quarantined {
            let why = format!("the entity is quarantined and decides nothing: {why}");
            return Forecast { verdict: "waits".to_owned(), ..fails(before, why) };
        }
        if self.failed {
            return fails(before, "an earlier one fails, and quarantines the entity".to_owned());
        }
        let tried = match (&mut self.state, event) {
            (State::Sku(sku), AnyEvent::Sku(event)) => try_on(&mut **sku, cause, event, moment),
            (State::Order(order), AnyEvent::Order(event)) => {
                try_on(&mut **order, cause, event, moment)
            }
            _ => Err("it is an event of another kind of entity".to_owned()),
        };
        match tried {
            Ok(tried) => Forecast { before, after: brief(&self.state), ..tried },
            Err(why) => {
                self.failed = true;
                fails(before, why)
            }
        }
    }
}

/// Decides and applies, as the entity's actor does.
fn try_on<E: Entity>(
    entity: &mut E,
    cause: Arc<Cause>,
    event: E::Event,
    moment: &Moment<'_>,
) -> Result<Forecast, String> {
    let expired = cause.expires_at.is_some_and(|until| until < moment.now);
    let input = Input::Event(Published { cause, event });
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let decision = entity.decide(&input, moment);
        decision.facts.iter().try_for_each(|fact| entity.apply(fact, moment.now))?;
        entity.check()?;
        Ok::<_, Breach>(decision)
    }));
    match tried {
        Ok(Ok(decision)) => Ok(told(&decision, expired)),
        Ok(Err(breach)) => Err(format!("a rule that must hold always would break: {breach}")),
        Err(_) => Err("the code of the entity panics on it".to_owned()),
    }
}

fn told<F>(decision: &Decision<F>, expired: bool) -> Forecast {
    let reason = decision.verdict.refused();
    let verdict = match &decision.verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Recorded => "recorded".to_owned(),
        Verdict::Parked => "parked".to_owned(),
        Verdict::HoldGranted { quantity, requested, .. } => {
            format!("granted {quantity} of {requested}")
        }
        Verdict::HoldExtended { .. } => "extended".to_owned(),
        Verdict::Refused(_) => "refused".to_owned(),
    };
    let mut why = reason.map(|reason| format!("{reason}: {}", reason.meaning()));
    if reason == Some(Reason::TooLate) && expired {
        why = why.map(|why| format!("{why}; --set expirytime=null takes it away"));
    }
    let mut tells: Vec<String> =
        decision.commands.iter().map(|command| command.to.to_string()).collect();
    tells.dedup();
    Forecast {
        verdict,
        why,
        repeated: decision.standing == Standing::Repeated,
        dead_again: reason.is_some_and(Reason::is_dead_letter),
        before: Value::Null,
        after: Value::Null,
        outcomes: decision.outcomes.iter().map(|outcome| outcome.kind().to_owned()).collect(),
        tells,
    }
}

fn fails(before: Value, why: String) -> Forecast {
    Forecast {
        verdict: "fails".to_owned(),
        why: Some(why),
        repeated: false,
        dead_again: true,
        after: before.clone(),
        before,
        outcomes: Vec::new(),
        tells: Vec::new(),
    }
}

fn refused_at_the_door(reason: Reason, why: String) -> Forecast {
    Forecast {
        verdict: "refused".to_owned(),
        dead_again: reason.is_dead_letter(),
        ..fails(Value::Null, why)
    }
}

/// An entity in brief: a SKU's units, an order's status and where the units of its lines stand.
pub fn brief(state: &State) -> Value {
    match state {
        State::Sku(sku) => json!({
            "revision": sku.head().revision,
            "total": sku.quantities(None),
            "holds_open": sku.book().holds().count(),
        }),
        State::Order(order) => {
            let Some(view) = crate::inspecting::view::order(order) else {
                return json!({ "status": "not placed", "parked": order.parked().len() });
            };
            json!({
                "revision": view.revision,
                "status": view.status,
                "payment": view.payment,
                "lines": view.lines,
            })
        }
    }
}

impl Forecast {
    /// In a line: the verdict, why, and what follows from it.
    pub fn in_words(&self) -> String {
        let mut words = self.verdict.clone();
        if self.repeated {
            words.push_str(", as the first time: nothing changes");
        }
        self.why.iter().for_each(|why| words.push_str(&format!(" ({why})")));
        if !self.outcomes.is_empty() {
            words.push_str(&format!("; says {}", self.outcomes.join(", ")));
        }
        if !self.tells.is_empty() {
            words.push_str(&format!("; tells {}", self.tells.join(", ")));
        }
        words
    }

    /// A state in brief, in a line.
    pub fn figures(&self, brief: &Value) -> String {
        let units = |total: &Value| {
            let named = ["on_hand", "available", "held", "allocated", "short"];
            let units = named.map(|name| format!("{name} {}", total[name]));
            units.join(", ").replace("on_hand", "on hand")
        };
        match (brief.get("total"), brief.get("status")) {
            (Some(total), _) => units(total),
            (None, Some(status)) => status.as_str().unwrap_or_default().to_owned(),
            (None, None) => String::new(),
        }
    }
}
