//! What an order decides, and in which order it looks at things.
//!
//! Promise: a known id is answered before its age is looked at, its age before its content, and
//! what names an order that is not there waits for it. Deciding changes nothing.

mod answers;
mod cancel;
mod conclude;
mod deadlines;
mod draft;
pub(super) mod edit;
pub(super) mod forgotten;
mod fulfilments;
mod parcels;
mod parking;
mod payments;
mod placed;
mod recall;
mod returns;
mod wishing;

use self::draft::{Draft, When};
use super::{OrderState, facts::OrderFact, memory::Recall, state::Order, station::Found};
use crate::domain::{
    Moment,
    command::SkuAnswer,
    decision::{Cause, Decision, Input, Published, Verdict},
    event::OrderEvent,
    guard::Then,
    ids::Name,
    outcome::Outcome,
    refusal::{Reason, Refusal},
};

/// Decides.
pub(super) fn decide(
    state: &OrderState,
    input: &Input<OrderEvent, SkuAnswer>,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    match input {
        Input::Event(published) => event(state, published, moment),
        Input::Command { command, from, time, logged_at } => {
            let when = When { time: *time, logged_at: *logged_at };
            answers::decide(state, command, from, when, moment)
        }
        Input::Deadline { clock, reached } => deadlines::decide(state, *clock, *reached, moment),
        Input::Step => parking::step(state, moment),
    }
}

/// The gate before every decision on an event.
fn event(
    state: &OrderState,
    published: &Published<OrderEvent>,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let cause = &published.cause;
    match state.memory.recall(cause) {
        Recall::Repeat(verdict) => return Decision::repeated(verdict.clone()),
        Recall::Conflict => return Decision::refused(Reason::IdConflict),
        Recall::Unknown => {}
    }
    if let Some(repeat) = parking::repeat(state, cause) {
        return repeat;
    }
    match untimely(cause, moment) {
        Some(reason) => Decision::refused(reason),
        None if state.memory.len() >= moment.policy.events_per_order_max => {
            Decision::refused(Reason::TooLarge)
        }
        None => judge(state, published, moment),
    }
}

/// Why an event is not worth deciding any more, or not now, if it is not.
fn untimely(cause: &Cause, moment: &Moment<'_>) -> Option<Reason> {
    if cause.logged_at - cause.time > moment.policy.order_horizon && !moment.late {
        return Some(Reason::Stale);
    }
    if cause.expires_at.is_some_and(|until| until < moment.now) {
        return Some(Reason::TooLate);
    }
    moment.busy.then_some(Reason::Busy)
}

/// Decides on an event that is new and in time, as the guard of orders says.
fn judge(
    state: &OrderState,
    published: &Published<OrderEvent>,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let Published { cause, event } = published;
    let found = Found::new(state, event, cause.logged_at);
    let decision = match found.then() {
        Then::Go(_) | Then::Stay => act(state, published, moment),
        Then::Note => Decision::new(Verdict::Recorded),
        Then::Wait => parking::park(state, published, moment),
        Then::Refuse(reason) => refuse(event, reason, found.unknown_line()),
    };
    remember(decision, cause)
}

/// A refusal; that of a cancellation is said aloud.
fn refuse(event: &OrderEvent, reason: Reason, unknown: Option<&Name>) -> Decision<OrderFact> {
    let about = unknown.filter(|_| reason == Reason::UnknownLine).cloned();
    let refusal = Refusal { about, ..reason.into() };
    let mut decision = Decision::refused(refusal.clone());
    if let OrderEvent::CancelRequested(_) = event {
        decision.outcomes.push(Outcome::OrderCancelRefused { refusal });
    }
    decision
}

/// Decides on an event that the order may be told.
fn act(
    state: &OrderState,
    published: &Published<OrderEvent>,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let Published { cause, event } = published;
    match (event, &state.order, &state.stone) {
        (OrderEvent::Placed(placed), None, _) => placed::decide(&state.id, placed, cause, moment),
        (_, Some(order), _) => follow(state, order, published, moment),
        (_, None, Some(stone)) => {
            forgotten::unless_idle(follow(state, &stone.order, published, moment))
        }
        (_, None, None) => Decision::refused(Reason::NotSupported),
    }
}

/// Decides on an event of a placed order. One that had left the hot state is in it again then.
fn follow(
    state: &OrderState,
    order: &Order,
    published: &Published<OrderEvent>,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let when = When::of(&published.cause);
    let mut draft = Draft::of(&state.id, order, when, moment);
    if state.stone.is_some() {
        draft.record(OrderFact::Woken);
    }
    let verdict = match &published.event {
        OrderEvent::CancelRequested(request) => cancel::decide(&mut draft, request),
        OrderEvent::Payment(step, payment) => payments::decide(&mut draft, *step, payment),
        OrderEvent::Fulfilment(step, said) => fulfilments::decide(&mut draft, *step, said),
        OrderEvent::ShipmentTracked(said) => fulfilments::track(&mut draft, said),
        OrderEvent::Return(step, said) => returns::decide(&mut draft, *step, said),
        OrderEvent::EditRequested(request) => edit::decide(&mut draft, request),
        OrderEvent::Placed(_) => Verdict::Refused(Reason::OrderExists.into()),
    };
    draft.conclude(verdict)
}

/// Adds the memory of a decision, where it is one that repeats must hear again. An event that waits
/// is remembered by its waiting.
fn remember(mut decision: Decision<OrderFact>, cause: &Cause) -> Decision<OrderFact> {
    let settled = match &decision.verdict {
        Verdict::Accepted
        | Verdict::Recorded
        | Verdict::HoldGranted { .. }
        | Verdict::HoldExtended { .. } => true,
        Verdict::Parked => false,
        Verdict::Refused(refusal) => refusal.reason.is_remembered(),
    };
    if settled {
        decision.facts.push(OrderFact::Remembered {
            key: cause.key,
            fingerprint: cause.fingerprint,
            verdict: decision.verdict.clone(),
        });
    }
    decision
}
