//! What is left for later: deadlines, and the steps of large changes.

use super::{
    draft::{Draft, Trace, When},
    event, holds, shelf,
};
use crate::domain::{
    DueClock, Moment,
    decision::{Decision, GivenUp, Verdict},
    guard::Then,
    refusal::Reason,
    sku::{
        SkuFact, SkuState,
        book::Known,
        hold::Hold,
        station::{HOLD, HoldStation, HoldStep},
    },
    time::Timestamp,
};

/// A deadline was reached: everything logged before it has been decided.
pub(super) fn deadline(
    state: &SkuState,
    moment: &Moment<'_>,
    clock: DueClock,
    reached: Timestamp,
) -> Decision<SkuFact> {
    if state.unparkable().is_some() {
        return Decision::new(Verdict::Recorded);
    }
    let when = When { logged_at: reached, time: moment.now, trace: Trace::Promise };
    let mut draft = Draft::new(state, moment, when);
    match clock {
        DueClock::Settled => expire_before(&mut draft, reached),
        DueClock::Demand => give_up_before(&mut draft, reached),
    }
    draft.finish(Verdict::Accepted)
}

/// Expires holds, as many as one step may touch; the rest stay due.
fn expire_before(draft: &mut Draft<'_>, reached: Timestamp) {
    let max = draft.policy().holds_per_step_max.max(1);
    let passed = |hold: &&Hold| {
        let station = HoldStation::of(&Known::Open(hold), reached);
        HOLD.then(station, HoldStep::DeadlinePassed, |_| false) == Then::Go(HoldStation::Expired)
    };
    let over = draft.state().book.over_before(reached).filter(passed).take(max);
    for promise in over.map(|hold| hold.promise).collect::<Vec<_>>() {
        holds::expire(draft, promise);
    }
}

/// Gives up events whose hold never came.
fn give_up_before(draft: &mut Draft<'_>, reached: Timestamp) {
    for parked in draft.state().parking.iter().filter(|parked| parked.until < reached) {
        draft.propose(SkuFact::Unparked { place: parked.place });
        let cause = parked.published.cause.clone();
        draft.give_up(GivenUp { cause, reason: Reason::Orphan });
    }
}

/// One step: an event that has waited for its hold, or else a share of what is not spread yet.
pub(super) fn step(state: &SkuState, moment: &Moment<'_>) -> Decision<SkuFact> {
    if let Some(parked) = state.unparkable() {
        let mut draft = Draft::of_event(state, moment, &parked.published);
        draft.unpark(parked.place, &parked.published.cause);
        return event(draft, &parked.published);
    }
    let when = When { logged_at: moment.now, time: moment.now, trace: Trace::Untraced };
    let mut draft = Draft::new(state, moment, when);
    if let Some(location) = state.unspread.first() {
        shelf::spread(&mut draft, location);
    }
    draft.finish(Verdict::Accepted)
}
