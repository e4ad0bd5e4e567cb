//! What is compared after each decision, and once everything has come to rest.

use earmark::domain::{
    Entity,
    command::{CommandBody, SkuAnswer, SkuCommand},
    decision::{Decision, Input, Standing, Verdict},
    event::{OrderEvent, SkuEvent, StockKind},
    ids::{EntityKey, LocationId, Sku},
    order::{OrderFact, OrderState, lines::Place, saga::Hold, state::Order},
    outcome::{Outcome, Quantities},
    refusal::Reason,
    sku::{SkuFact, SkuState},
    time::Timestamp,
};

use crate::{
    engine::{Done, World},
    expect::{self, Answer},
    lines::{At, Line},
    model::Model,
    shelf,
    words::Said,
};

impl World {
    // === after each decision ===

    /// Reads what a SKU decided, into its books.
    pub fn read_sku(
        &mut self,
        at: usize,
        input: &Input<SkuEvent, SkuCommand>,
        decision: &Decision<SkuFact>,
        before: &[Quantities],
    ) -> Done {
        self.tally.borrow_mut().decision(decision);
        let (sku, books) = (&self.skus[at], &mut self.books[at]);
        let of = |location: &LocationId| self.names.locations.iter().position(|at| at == location);
        let said = shelf::Said {
            before: &|location| of(location).map_or(Quantities::default(), |at| before[at]),
            after: &|location| sku.quantities(Some(location)),
        };
        let waited = decision.answers.as_ref().map(|cause| &self.told[cause.key.0 as usize]);
        let (mut asked, mut first) = (None, false);
        match (input, waited.map(|told| (&told.said, told.cause.time))) {
            (Input::Event(told), _) if decision.standing == Standing::New => {
                books.hear_event(&told.event, told.cause.time, &decision.verdict, &said)?;
            }
            (Input::Command { command, time, .. }, _) => {
                (asked, first) = (Some(command), books.is_first(command));
                let all_there = before.iter().all(|of| of.short == 0 && of.backordered == 0);
                if all_there && books.has_claim(command, self.now) {
                    claimed_rightly(decision)?;
                }
                books.hear_command(command, *time, &said)?;
            }
            (Input::Step, Some((Said::Sku(_, event), time))) => {
                books.hear_event(event, time, &decision.verdict, &said)?;
            }
            _ => {}
        }
        let now = self.now;
        decision.outcomes.iter().try_for_each(|outcome| books.hear_outcome(outcome, now))?;
        books.hear_answers(asked, first, &decision.commands, now)?;
        if decision.standing == Standing::New {
            refused_aloud(&decision.verdict, &decision.outcomes)?;
        }
        // What changed nothing is compared at the next change, or at rest.
        if decision.facts.is_empty() {
            return Ok(());
        }
        self.tally.borrow_mut().sku(sku, decision);
        books.change(now);
        self.balance(at)?;
        let after = self.quantities(at);
        kept_back_nothing_promised(input, before, &after)?;
        promised_what_there_is(sku, input, before, &after)
    }

    /// Reads what an order decided, into its model, and compares.
    pub fn read_order(
        &mut self,
        at: usize,
        input: &Input<OrderEvent, SkuAnswer>,
        decision: &Decision<OrderFact>,
    ) -> Done {
        self.tally.borrow_mut().decision(decision);
        let model = &mut self.models[at];
        let waited = decision.answers.as_ref().map(|cause| &self.told[cause.key.0 as usize]);
        let event = match (input, waited) {
            (Input::Event(told), _) if decision.standing == Standing::New => {
                Some((&told.event, told.cause.logged_at))
            }
            (Input::Step, Some(told)) => match &told.said {
                Said::Order(_, event) => Some((event, told.cause.logged_at)),
                Said::Sku(..) => None,
            },
            _ => None,
        };
        if let Some((event, logged_at)) = event.filter(|_| model.placed) {
            let expected = match self.orders[at].stone() {
                Some(_) => expect::answer_of_stone(model, event, logged_at),
                None => expect::answer(model, event, logged_at),
            };
            answered_rightly(expected, &decision.verdict)?;
        }
        if self.now <= model.pay_by || model.is_paid() {
            let mut said = decision.outcomes.iter();
            if said.any(|outcome| *outcome == Outcome::OrderExpired) {
                return Err("it expires before its time, or is paid".to_owned());
            }
        }
        let placing = matches!(event, Some((OrderEvent::Placed(_), _)));
        let event = event.filter(|_| !refused_or_parked(&decision.verdict));
        hear(model, event, input, decision)?;
        model.check(&decision.outcomes)?;
        if !decision.facts.is_empty() {
            self.tally.borrow_mut().order(&self.orders[at]);
        }
        let forgotten = model.placed && self.orders[at].status().is_none();
        if forgotten && !placing {
            self.models[at] = Model::default();
        }
        if decision.facts.is_empty() { Ok(()) } else { agree(&self.models[at], &self.orders[at]) }
    }

    /// What a SKU says is what its books say.
    fn balance(&self, at: usize) -> Done {
        let sku = &self.skus[at];
        let said = |location: &_| sku.stock(location).quantities();
        self.books[at].check(sku.quantities(None), said)
    }

    /// What a SKU has at each location.
    pub fn quantities(&self, at: usize) -> Vec<Quantities> {
        let locations = self.names.locations.iter();
        locations.map(|location| self.skus[at].quantities(Some(location))).collect()
    }

    // === at rest ===

    /// Everything has been answered: orders and SKUs say the same, and nobody waits for anybody.
    pub fn check_rest(&mut self) -> Done {
        self.skus.iter().try_for_each(|sku| sku.audit()).map_err(|it| it.to_string())?;
        self.orders.iter().try_for_each(|order| order.audit()).map_err(|it| it.to_string())?;
        (0..self.skus.len()).try_for_each(|at| self.balance(at))?;
        for at in 0..self.orders.len() {
            agree(&self.models[at], &self.orders[at])?;
            self.check_resting(at)
                .map_err(|what| format!("order {}: {what}", self.names.orders[at]))?;
        }
        Ok(())
    }

    fn check_resting(&self, at: usize) -> Done {
        let model = &self.models[at];
        if model.sum(&[At::Waiting]) > 0 {
            return Err("units wait for an answer for ever".to_owned());
        }
        if model.open() > 0 && !model.confirmed && self.now > model.pay_by {
            return Err("open, not confirmed, and its time to pay is over".to_owned());
        }
        let order = self.orders[at].order();
        order.map_or(Ok(()), nobody_waits)?;
        for (sku, books) in self.names.skus.iter().zip(&self.books) {
            let held = books.promised_to(&self.names.orders[at]);
            let (believed, wanted) = (order.map_or(0, |it| believed(it, sku)), model.promised(sku));
            if held != believed || held != wanted {
                return Err(format!(
                    "{sku} holds {held} for it, it believes in {believed} and wants {wanted}"
                ));
            }
            let told = books.told_by(&self.names.orders[at]);
            let of = |units: fn(&Line) -> u32| -> i64 {
                let lines = model.lines.values().filter(|line| line.sku == *sku);
                lines.map(|line| i64::from(units(line))).sum()
            };
            let gone = of(|line| line.sum(&[At::Shipped, At::Delivered]));
            let theirs = (gone, of(|line| line.missing), of(|line| line.back));
            if model.placed && (told.gone, told.missing, told.returned) != theirs {
                return Err(format!("{sku} heard {told:?}, of the order are {theirs:?}"));
            }
        }
        Ok(())
    }
}

/// Applies what was said to the model, in the order in which it is so.
fn hear(
    model: &mut Model,
    event: Option<(&OrderEvent, Timestamp)>,
    input: &Input<OrderEvent, SkuAnswer>,
    decision: &Decision<OrderFact>,
) -> Done {
    let waited = model.sum(&[At::Waiting]) > 0;
    if let Some((event, logged_at)) = event {
        model.hear_event(event, logged_at);
    }
    if let Input::Command { command, from: EntityKey::Sku(sku), .. } = input {
        model.hear_answer(sku, command, &decision.commands)?;
    }
    for outcome in &decision.outcomes {
        model.hear_outcome(outcome, waited)?;
        model.pair_off();
    }
    if let Some((event, _)) = event.filter(|_| decision.verdict == Verdict::Accepted) {
        model.hear_arrivals(event)?;
    }
    model.pair_off();
    Ok(())
}

fn refused_or_parked(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Refused(_) | Verdict::Parked)
}

/// A SKU that refuses an event for good says so, and why; one that does not refuse says nothing so.
fn refused_aloud(verdict: &Verdict, outcomes: &[Outcome]) -> Done {
    let refused = verdict.refused().filter(|reason| reason.is_remembered());
    let said = outcomes.iter().find_map(|outcome| match outcome {
        Outcome::HoldRejected { refusal, .. } | Outcome::EventRefused { refusal } => {
            Some(refusal.reason)
        }
        _ => None,
    });
    if refused == said { Ok(()) } else { Err(format!("{verdict:?}, and says {said:?}")) }
}

/// What a cart holds is there for the order that claims it.
fn claimed_rightly(decision: &Decision<SkuFact>) -> Done {
    let refused = decision.commands.iter().find_map(|command| match &command.body {
        CommandBody::Answer(SkuAnswer::NotReserved { refusal, .. }) => Some(refusal.reason),
        _ => None,
    });
    match refused {
        Some(Reason::InsufficientStock | Reason::NotSellable) => {
            Err("a cart's units were refused to the order that claims them".to_owned())
        }
        _ => Ok(()),
    }
}

/// A promise never takes what is promised to somebody else already, nor more than the limit allows.
fn promised_what_there_is(
    sku: &SkuState,
    input: &Input<SkuEvent, SkuCommand>,
    before: &[Quantities],
    after: &[Quantities],
) -> Done {
    let asks = match input {
        Input::Event(told) => matches!(told.event, SkuEvent::HoldRequested(_)),
        Input::Command { command, .. } => is_demand(command),
        Input::Deadline { .. } | Input::Step => false,
    };
    let limit = u64::from(sku.settings().backorder_limit);
    for (before, after) in before.iter().zip(after).filter(|_| asks) {
        if after.short > before.short {
            return Err(format!("a promise took {} units of others", after.short - before.short));
        }
        if after.backordered > before.backordered.max(limit) {
            return Err(format!("{} units beyond stock, {limit} are allowed", after.backordered));
        }
    }
    Ok(())
}

/// What is kept back on purpose is taken from no promise.
fn kept_back_nothing_promised(
    input: &Input<SkuEvent, SkuCommand>,
    before: &[Quantities],
    after: &[Quantities],
) -> Done {
    let Input::Event(told) = input else { return Ok(()) };
    let keeps = match &told.event {
        SkuEvent::StockMoved(said) => said.to == StockKind::Safety,
        SkuEvent::SkuConfigured(_) => true,
        _ => false,
    };
    let mut both = before.iter().zip(after);
    match keeps && both.any(|(before, after)| after.short > before.short) {
        true => Err("a promise was broken for the safety stock".to_owned()),
        false => Ok(()),
    }
}

fn is_demand(command: &SkuCommand) -> bool {
    match command {
        SkuCommand::Reserve { .. }
        | SkuCommand::ReserveElsewhere { .. }
        | SkuCommand::Commit { .. } => true,
        SkuCommand::After { ask, .. } => is_demand(ask),
        SkuCommand::Release { .. } | SkuCommand::Ship { .. } | SkuCommand::Move { .. } => false,
    }
}

/// What the documents are certain of is what was answered.
fn answered_rightly(expected: Option<Answer>, verdict: &Verdict) -> Done {
    let reason = verdict.refused();
    let right = match (expected, reason) {
        // What was not looked at is not answered by what it says.
        (None, _) | (_, Some(Reason::Stale | Reason::TooLate | Reason::TooLarge)) => true,
        (Some(Answer::Taken), reason) => reason.is_none(),
        (Some(Answer::Refused(expected)), reason) => reason == Some(expected),
    };
    if right { Ok(()) } else { Err(format!("{verdict:?}, where {expected:?} is right")) }
}

/// The order says of itself what its model says of it.
fn agree(model: &Model, state: &OrderState) -> Done {
    if state.stone().is_none() && state.status() != model.status() {
        return Err(format!("it is {:?}, by what was said {:?}", state.status(), model.status()));
    }
    let Some(order) = state.order() else { return Ok(()) };
    let mut all = 0;
    for (name, line) in &model.lines {
        let mut units = [0_u64; 7];
        for portion in order.lines.iter().filter(|portion| portion.name == *name) {
            for (sum, units) in units.iter_mut().zip(by_place(&portion.units)) {
                *sum += u64::from(units);
            }
            all += 1;
        }
        if units != line.units.map(u64::from) {
            return Err(format!("line {name} has {units:?}, by what was said {:?}", line.units));
        }
    }
    let unnamed = all != order.lines.len();
    if unnamed { Err("it has a line that nobody has heard of".to_owned()) } else { Ok(()) }
}

/// The units of a line in the order of [`At`].
fn by_place(units: &earmark::domain::order::lines::Units) -> [u32; 7] {
    [
        units.at(Place::Awaiting),
        units.at(Place::Reserved) + units.at(Place::Allocated),
        units.at(Place::Cancelled),
        units.at(Place::Expired),
        units.at(Place::Refused),
        units.at(Place::Shipped),
        units.at(Place::Delivered),
    ]
}

fn nobody_waits(order: &Order) -> Done {
    let waits =
        |leg: &&earmark::domain::order::saga::Leg| leg.sent.is_some() || !leg.unanswered.is_empty();
    match order.legs.iter().find(waits) {
        Some(leg) => Err(format!("a leg waits for ever: {leg:?}")),
        None if !order.wishes.is_empty() => Err(format!("wishes: {:?}", order.wishes)),
        None => Ok(()),
    }
}

/// Units of a SKU that the order believes to be held for it.
fn believed(order: &Order, sku: &Sku) -> u32 {
    let held = order.legs.iter().filter(|leg| leg.sku == *sku).map(|leg| match &leg.hold {
        Hold::Granted(grant) | Hold::Allocated(grant) => grant.quantity,
        Hold::Asked | Hold::Lapsed(_) | Hold::Refused(_) | Hold::Released => 0,
    });
    held.sum()
}
