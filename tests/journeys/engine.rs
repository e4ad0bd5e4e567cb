//! A small bus: it carries events, commands and answers between real SKUs and real orders, on a
//! clock that is set.
//!
//! Promise: the domain decides and applies, nobody else; what is under way comes in any order,
//! twice, hours late, or never, as chance has it, and the same seed carries the same things the same
//! way. What somebody says again is answered as the first time, or is too old to be told.

use std::{cell::RefCell, fmt::Debug, rc::Rc, sync::Arc};

use earmark::domain::{
    Due, DueClock, Entity, Moment,
    command::{Command, CommandBody, SkuAnswer, SkuCommand},
    decision::{Cause, Decision, Input, Published, Standing, Verdict},
    event::{Lane, OrderEvent, SkuEvent},
    ids::{EntityKey, EventKey, Fingerprint},
    order::OrderState,
    policy::Policy,
    refusal::Reason,
    sku::SkuState,
    time::{Span, Timestamp},
};

use crate::{
    coverage::Tally,
    luck::Luck,
    model::Model,
    stock::Books,
    words::{Names, Said},
};

/// What went wrong, in words.
pub type Done = Result<(), String>;

/// A command on its way; it may not come before a time.
pub struct Letter {
    pub command: Command,
    pub not_before: Timestamp,
}

/// An event that was published, and what came of it.
pub struct Told {
    pub said: Said,
    pub cause: Cause,
    /// What was decided, where that is remembered.
    pub first: Option<Verdict>,
}

/// A few SKUs, a few orders, and all that is under way between them.
pub struct World {
    pub luck: Luck,
    pub names: Rc<Names>,
    pub policy: Rc<Policy>,
    pub now: Timestamp,
    pub skus: Vec<SkuState>,
    pub orders: Vec<OrderState>,
    pub books: Vec<Books>,
    pub models: Vec<Model>,
    pub mail: Vec<Letter>,
    pub told: Vec<Told>,
    pub tally: Rc<RefCell<Tally>>,
    /// What happened, in words, where somebody wants to read it.
    pub story: Option<Vec<String>>,
    /// When each lane's last event was logged.
    lanes: [Timestamp; 4],
    decided: u32,
}

const START: Timestamp = Timestamp(1_800_000_000_000_000);
/// Commands that come late come within this: a SKU forgets a hold that ended two horizons ago.
const LATE_MAX_S: u32 = 6 * 3_600;
/// So many commands and answers in a hundred are lost.
const LOST_PERCENT: u64 = 2;
const STEPS_MAX: usize = 100_000;

impl World {
    pub fn new(luck: Luck, names: Rc<Names>, policy: Policy, tally: Rc<RefCell<Tally>>) -> World {
        World {
            luck,
            policy: Rc::new(policy),
            now: START,
            skus: names.skus.iter().cloned().map(SkuState::new).collect(),
            orders: names.orders.iter().cloned().map(OrderState::new).collect(),
            books: vec![Books::default(); names.skus.len()],
            models: vec![Model::default(); names.orders.len()],
            mail: Vec::new(),
            told: Vec::new(),
            tally,
            story: None,
            lanes: [START; 4],
            decided: 0,
            names,
        }
    }

    // === what publishers say ===

    /// Somebody says something new that happened `ago`.
    pub fn say(&mut self, said: Said, ago: Span) -> Done {
        self.say_until(said, ago, None)
    }

    /// The same, worth deciding until a time.
    pub fn say_until(&mut self, said: Said, ago: Span, expires_at: Option<Timestamp>) -> Done {
        let number = self.told.len();
        let (kind, lane) = said.kind();
        let cause = Cause {
            source: String::new(),
            id: number.to_string(),
            kind: kind.to_owned(),
            key: EventKey(number as u128),
            fingerprint: Fingerprint(number as u64),
            time: self.now - ago,
            logged_at: self.log(lane),
            lane,
            sequence: 0,
            expires_at,
            reply_to: None,
            traceparent: None,
        };
        self.tally.borrow_mut().said(kind, lane);
        self.told.push(Told { said, cause, first: None });
        self.publish(number)
    }

    /// A lane may be behind, the settlement lane is not: deadlines wait for it.
    fn log(&mut self, lane: Lane) -> Timestamp {
        let behind = match lane {
            Lane::Settlement => 0,
            _ if self.luck.percent(90) => 0,
            _ => i64::from(self.luck.units(0, 5)),
        };
        let last = &mut self.lanes[lane as usize];
        *last = (*last).max(self.now - Span::from_secs(behind));
        *last
    }

    /// An event is published again.
    pub fn repeat(&mut self, number: usize) -> Done {
        let logged_at = self.log(self.told[number].cause.lane);
        self.told[number].cause.logged_at = logged_at;
        self.publish(number)
    }

    /// An id is used again for something else: it is refused, if it is remembered.
    pub fn conflict(&mut self, number: usize, said: Said) -> Done {
        let cause = Cause { fingerprint: Fingerprint(u64::MAX), ..self.told[number].cause.clone() };
        let cause: Arc<Cause> = Cause { logged_at: self.log(cause.lane), ..cause }.into();
        let moment = Moment::new(self.now, &self.policy);
        let (verdict, facts) = match said {
            Said::Sku(at, event) => {
                let input = Input::Event(Published { cause, event });
                let decision = self.skus[at].decide(&input, &moment);
                (decision.verdict, decision.facts.len())
            }
            Said::Order(at, event) => {
                let input = Input::Event(Published { cause, event });
                let decision = self.orders[at].decide(&input, &moment);
                (decision.verdict, decision.facts.len())
            }
        };
        self.tally.borrow_mut().verdict(&verdict);
        match (verdict.refused(), facts) {
            (Some(Reason::IdConflict), 0) => Ok(()),
            _ => Err(format!("the id of {number} is used for something else: {verdict:?}")),
        }
    }

    fn publish(&mut self, number: usize) -> Done {
        let Told { said, cause, .. } = &self.told[number];
        let cause = Arc::new(cause.clone());
        match said.clone() {
            Said::Sku(at, event) => {
                let decision = self.sku(at, &Input::Event(Published { cause, event }))?;
                self.heard(number, &decision.verdict, decision.standing, decision.facts.len())?;
                self.finish_sku(at)
            }
            Said::Order(at, event) => {
                let decision = self.order(at, &Input::Event(Published { cause, event }))?;
                self.heard(number, &decision.verdict, decision.standing, decision.facts.len())?;
                self.finish_order(at)
            }
        }
    }

    /// A repeat is answered as the first time and changes nothing, or is too old to be known.
    fn heard(&mut self, number: usize, verdict: &Verdict, how: Standing, facts: usize) -> Done {
        let told = &mut self.told[number];
        match (&told.first, how) {
            (Some(first), Standing::Repeated) if first == verdict && facts == 0 => {}
            (Some(_), Standing::New) if verdict.refused() == Some(Reason::Stale) => {}
            (None, Standing::New) => {
                let remembered = verdict.refused().is_none_or(Reason::is_remembered);
                told.first = remembered.then(|| verdict.clone());
            }
            (first, _) => {
                return Err(format!("{number} again: {verdict:?} ({how:?}), before {first:?}"));
            }
        }
        Ok(())
    }

    // === what is under way ===

    /// One of the commands and answers that are under way comes, or is lost: whoever needs it asks
    /// again.
    pub fn deliver(&mut self) -> Done {
        let now = self.now;
        let ready = self.mail.iter().filter(|letter| letter.not_before <= now).count();
        if ready == 0 {
            return Ok(());
        }
        let pick = self.luck.below(ready);
        let mut at = (0..).zip(&self.mail).filter(|(_, letter)| letter.not_before <= now);
        let Some((at, _)) = at.nth(pick) else { return Ok(()) };
        let letter: Letter = self.mail.swap_remove(at);
        if self.luck.percent(LOST_PERCENT) {
            return Ok(());
        }
        if self.luck.percent(6) {
            let late = if self.luck.percent(70) { 30 } else { LATE_MAX_S };
            let not_before = now + Span::from_secs(i64::from(self.luck.units(0, late)));
            self.mail.push(Letter { command: letter.command.clone(), not_before });
        }
        self.hand_over(letter.command)
    }

    fn hand_over(&mut self, Command { from, to, time, body }: Command) -> Done {
        let logged_at = self.now;
        match (to, body) {
            (EntityKey::Sku(to), CommandBody::Ask(command)) => {
                let at = self.names.skus.iter().position(|sku| *sku == to).ok_or("no such SKU")?;
                self.sku(at, &Input::Command { command, from, time, logged_at })?;
                self.finish_sku(at)
            }
            (EntityKey::Order(to), CommandBody::Answer(command)) => {
                let at = self.names.orders.iter().position(|order| *order == to);
                let at = at.ok_or("no such order")?;
                self.order(at, &Input::Command { command, from, time, logged_at })?;
                self.finish_order(at)
            }
            (to, body) => Err(format!("{to} is told {body:?}")),
        }
    }

    // === who decides ===

    fn sku(
        &mut self,
        at: usize,
        input: &Input<SkuEvent, SkuCommand>,
    ) -> Result<Decision<earmark::domain::sku::SkuFact>, String> {
        let before = self.quantities(at);
        let name = self.names.skus[at].clone();
        let decision = self.decided(name.as_str(), |world| &mut world.skus[at], input)?;
        let read = self.read_sku(at, input, &decision, &before);
        read.map_err(|what| format!("{name}: {what}"))?;
        self.send(&decision);
        Ok(decision)
    }

    fn order(
        &mut self,
        at: usize,
        input: &Input<OrderEvent, SkuAnswer>,
    ) -> Result<Decision<earmark::domain::order::OrderFact>, String> {
        let name = self.names.orders[at].clone();
        let decision = self.decided(name.as_str(), |world| &mut world.orders[at], input)?;
        let read = self.read_order(at, input, &decision);
        read.map_err(|what| format!("{name}: {what}"))?;
        self.send(&decision);
        Ok(decision)
    }

    /// Decides and applies, and audits now and then; conservation is looked at each time.
    fn decided<E: Entity>(
        &mut self,
        name: &str,
        of: impl Fn(&mut World) -> &mut E,
        input: &Input<E::Event, E::Command>,
    ) -> Result<Decision<E::Fact>, String>
    where
        E::Event: Debug,
        E::Command: Debug,
    {
        let policy = self.policy.clone();
        let moment = Moment::new(self.now, &policy);
        self.decided = self.decided.wrapping_add(1);
        let audits = self.decided.is_multiple_of(16);
        let entity = of(self);
        let decision = entity.decide(input, &moment);
        let applied = decision.facts.iter().try_for_each(|fact| entity.apply(fact, moment.now));
        let sound = applied.and_then(|()| entity.check());
        let sound = if audits { sound.and_then(|()| entity.audit()) } else { sound };
        self.note(name, input, &decision);
        sound.map_err(|breach| format!("{name}: {breach}"))?;
        Ok(decision)
    }

    fn note<E: Debug, C: Debug, F>(&mut self, name: &str, input: &Input<E, C>, it: &Decision<F>) {
        let now = self.now - START;
        let Some(story) = &mut self.story else { return };
        let said = match input {
            Input::Event(Published { cause, event }) => format!("event {}: {event:?}", cause.id),
            Input::Command { command, from, .. } => format!("{from}: {command:?}"),
            Input::Deadline { clock, .. } => format!("deadline, {clock:?}"),
            Input::Step => "step".to_owned(),
        };
        story.push(format!("+{}s {name} < {said}\n    => {:?}", now.0 / 1_000_000, it.verdict));
        let outcomes = it.outcomes.iter().map(|outcome| format!("    says {outcome:?}"));
        story.extend(outcomes);
        let commands = it.commands.iter();
        story.extend(commands.map(|of| format!("    to {}: {:?}", of.to, of.body)));
    }

    fn send<F>(&mut self, decision: &Decision<F>) {
        let not_before = self.now;
        let letters = decision.commands.iter().cloned();
        self.mail.extend(letters.map(|command| Letter { command, not_before }));
    }

    fn finish_sku(&mut self, at: usize) -> Done {
        while self.skus[at].has_steps_left() {
            let decision = self.sku(at, &Input::Step)?;
            self.settle_parked(decision.answers, decision.verdict)?;
        }
        Ok(())
    }

    fn finish_order(&mut self, at: usize) -> Done {
        while self.orders[at].has_steps_left() {
            let decision = self.order(at, &Input::Step)?;
            self.settle_parked(decision.answers, decision.verdict)?;
        }
        Ok(())
    }

    /// An event that has waited was decided: that is its answer from now on.
    fn settle_parked(&mut self, of: Option<Arc<Cause>>, verdict: Verdict) -> Done {
        let Some(cause) = of else { return Ok(()) };
        let told = &mut self.told[cause.key.0 as usize];
        if told.first != Some(Verdict::Parked) {
            return Err(format!("{} did not wait, and waits no longer", cause.id));
        }
        let remembered = verdict.refused().is_none_or(Reason::is_remembered);
        told.first = remembered.then_some(verdict);
        Ok(())
    }

    // === time ===

    /// Time passes; what is due is acted on, and what was said meanwhile comes, if `mail` goes.
    pub fn pass(&mut self, span: Span, mail: bool) -> Done {
        let until = self.now + span;
        for _ in 0..STEPS_MAX {
            if mail {
                self.empty_mail()?;
            }
            let due = self.next_due().map(|due| Timestamp(due.0 + 1));
            match due.filter(|due| *due <= until) {
                Some(due) => self.now = self.now.max(due),
                None => {
                    self.now = until;
                    return if mail { self.empty_mail() } else { Ok(()) };
                }
            }
            self.ring()?;
        }
        Err("deadlines without an end".to_owned())
    }

    /// All that may come now comes.
    pub fn empty_mail(&mut self) -> Done {
        for _ in 0..STEPS_MAX {
            if !self.mail.iter().any(|letter| letter.not_before <= self.now) {
                return Ok(());
            }
            self.deliver()?;
        }
        Err("commands without an end".to_owned())
    }

    /// The next time at which somebody wants to be woken, or a letter comes.
    fn next_due(&self) -> Option<Timestamp> {
        let skus = self.skus.iter().flat_map(SkuState::dues);
        let orders = self.orders.iter().flat_map(OrderState::dues);
        let dues = skus.chain(orders).map(|due| due.at);
        let late = self.mail.iter().map(|letter| letter.not_before);
        dues.chain(late.filter(|at| *at > self.now).map(|at| Timestamp(at.0 - 1))).min()
    }

    /// Wakes whoever wants to be woken by now, each as often as it is due.
    pub fn ring(&mut self) -> Done {
        self.lanes[Lane::Demand as usize] = self.now;
        for at in 0..self.skus.len() {
            while let Some(clock) = over(&self.skus[at].dues(), self.now) {
                let decision = self.sku(at, &deadline(clock, self.now))?;
                self.rung(&decision)?;
                self.finish_sku(at)?;
            }
        }
        for at in 0..self.orders.len() {
            while let Some(clock) = over(&self.orders[at].dues(), self.now) {
                let decision = self.order(at, &deadline(clock, self.now))?;
                self.rung(&decision)?;
            }
        }
        Ok(())
    }

    fn rung<F>(&mut self, decision: &Decision<F>) -> Done {
        for given_up in &decision.given_up {
            self.told[given_up.cause.key.0 as usize].first = None;
        }
        match decision.facts.is_empty() {
            true => Err("a deadline that changes nothing comes for ever".to_owned()),
            false => Ok(()),
        }
    }
}

fn over(dues: &[Due], now: Timestamp) -> Option<DueClock> {
    dues.iter().find(|due| due.at < now).map(|due| due.clock)
}

fn deadline<E, C>(clock: DueClock, reached: Timestamp) -> Input<E, C> {
    Input::Deadline { clock, reached }
}
