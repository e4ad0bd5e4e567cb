//! Why a SKU changes: the gate before every event, and who decides what.
//!
//! [`draft`] is where a decision tries its facts; [`shelf`] moves units physically, [`place`] finds
//! units to promise; [`holds`], [`shipping`], [`goods`], [`counts`] and [`selling`] decide events,
//! [`orders`] and [`reserving`] commands, [`later`] deadlines and steps.

mod counts;
mod draft;
mod goods;
mod holds;
mod later;
mod moving;
mod orders;
mod place;
mod reserving;
mod selling;
mod shelf;
mod shipping;

use self::draft::{Draft, Trace, When};
use super::{
    SkuFact, SkuState, book::Known, hold::PromiseNo, memory::Remembered, parking::ParkedEvent,
};
use crate::{
    domain::{
        Moment,
        command::SkuCommand,
        decision::{Cause, Decision, Input, Published, Verdict},
        event::SkuEvent,
        ids::{Fingerprint, HoldName, Name, Owner},
        outcome::Outcome,
        refusal::{Reason, Refusal},
    },
    mutants::{self, Mutant},
};

/// Stones that one decision lets go at most: more than it lays, so that they become fewer.
const STONES_AT_ONCE: usize = 8;

pub(super) fn decide(
    state: &SkuState,
    input: &Input<SkuEvent, SkuCommand>,
    moment: &Moment<'_>,
) -> Decision<SkuFact> {
    match input {
        Input::Event(published) => gate(state, published, moment)
            .unwrap_or_else(|| event(Draft::of_event(state, moment, published), published)),
        Input::Command { command, from, time, logged_at } => {
            let when = When { logged_at: *logged_at, time: *time, trace: orders::trace(command) };
            orders::command(Draft::new(state, moment, when), command, from)
        }
        Input::Deadline { clock, reached } => later::deadline(state, moment, *clock, *reached),
        Input::Step => later::step(state, moment),
    }
}

/// What is answered without being decided: repeats before everything else, then what is too old to
/// be told from a repeat, then what nobody waits for any more, then what is asked at a bad time.
fn gate(
    state: &SkuState,
    published: &Published<SkuEvent>,
    moment: &Moment<'_>,
) -> Option<Decision<SkuFact>> {
    let cause = &published.cause;
    if let Some(known) = state.memory.recall(cause.key)
        && !mutants::is_in(Mutant::DedupeOff)
    {
        return Some(again(known.fingerprint == cause.fingerprint, &known.verdict));
    }
    if let Some(parked) = state.parking.find(cause.key) {
        let same = parked.published.cause.fingerprint == cause.fingerprint;
        return Some(again(same, &Verdict::Parked));
    }
    if is_stale(state, cause, moment) {
        return Some(Decision::refused(Reason::Stale));
    }
    if cause.expires_at.is_some_and(|expires_at| expires_at < moment.now) {
        return Some(Decision::refused(Reason::TooLate));
    }
    moment.busy.then(|| Decision::refused(Reason::Busy))
}

fn again(same: bool, verdict: &Verdict) -> Decision<SkuFact> {
    if same { Decision::repeated(verdict.clone()) } else { Decision::refused(Reason::IdConflict) }
}

fn is_stale(state: &SkuState, cause: &Cause, moment: &Moment<'_>) -> bool {
    let forgotten = state.head.forgotten[cause.lane as usize];
    (cause.logged_at - cause.time > moment.policy.horizon && !moment.late)
        || forgotten.is_some_and(|mark| cause.time <= mark + moment.policy.skew)
}

/// Decides an event that has passed the gate.
fn event(mut draft: Draft<'_>, published: &Published<SkuEvent>) -> Decision<SkuFact> {
    let verdict = judge(&mut draft, published);
    remember(&mut draft, published, &verdict);
    draft.finish(verdict)
}

fn judge(draft: &mut Draft<'_>, published: &Published<SkuEvent>) -> Verdict {
    if has_no_room_for(draft, &published.event) {
        return Verdict::Refused(Reason::TooLarge.into());
    }
    if speaks_for_an_order(draft, &published.event) {
        return refused(draft, &published.event, Reason::NotOwner.into());
    }
    match &published.event {
        SkuEvent::HoldRequested(event) => holds::requested(draft, published, event),
        SkuEvent::HoldExtended(event) => holds::extended(draft, published, event),
        SkuEvent::HoldTransferred(event) => holds::transferred(draft, published, event),
        SkuEvent::HoldCommitted(event) => holds::committed(draft, published, event),
        SkuEvent::HoldReleased(event) => holds::released(draft, published, event),
        SkuEvent::StockAdjusted(event) => goods::adjusted(draft, event),
        SkuEvent::StockCounted(event) => counts::counted(draft, event),
        SkuEvent::StockMoved(event) => goods::moved(draft, event),
        SkuEvent::StockShipped(event) => shipping::shipped(draft, published, event),
        SkuEvent::StockReceived(event) => goods::received(draft, &event.location, event.quantity),
        SkuEvent::StockReturned(event) => goods::returned(draft, event),
        SkuEvent::SkuConfigured(event) => selling::configured(draft, event),
        SkuEvent::SkuRetired => selling::retired(draft),
        SkuEvent::SkuDescribed(event) => selling::described(draft, event),
    }
    .unwrap_or_else(|refusal| refused(draft, &published.event, refusal))
}

/// Whether the event names a new hold, or its owner, as those of orders are shown: only they speak
/// for themselves.
fn speaks_for_an_order(draft: &Draft<'_>, event: &SkuEvent) -> bool {
    let is_taken = |name: &Name| name.as_str().starts_with("order:");
    let new_hold = hold_of(event).filter(|hold| matches!(find(draft, hold), Known::Unknown));
    match event {
        SkuEvent::HoldTransferred(event) if is_taken(&event.to_owner) => true,
        SkuEvent::HoldRequested(event) if is_taken(&event.owner) => new_hold.is_some(),
        _ => new_hold.is_some_and(is_taken),
    }
}

/// Whether the event would add a location or an attribute to as many as a SKU may have.
fn has_no_room_for(draft: &Draft<'_>, event: &SkuEvent) -> bool {
    let (state, policy) = (draft.state(), draft.policy());
    let location = match event {
        SkuEvent::StockAdjusted(event) => &event.location,
        SkuEvent::StockCounted(event) => &event.location,
        SkuEvent::StockMoved(event) => &event.location,
        SkuEvent::StockReceived(event) => &event.location,
        SkuEvent::StockReturned(event) => &event.location,
        SkuEvent::SkuDescribed(event) => {
            let added =
                event.attributes.keys().filter(|name| !state.attributes.contains_key(*name));
            return state.attributes.len() + added.count() > policy.attributes_per_sku_max;
        }
        _ => return false,
    };
    !state.locations.contains_key(location) && state.locations.len() >= policy.locations_per_sku_max
}

/// Says a refusal aloud, if the event was refused for what it is and not for when it came.
fn refused(draft: &mut Draft<'_>, event: &SkuEvent, refusal: Refusal) -> Verdict {
    if refusal.reason.is_remembered() {
        draft.tell(match event {
            SkuEvent::HoldRequested(event) => Outcome::HoldRejected {
                hold: HoldName::Named(event.hold.clone()),
                owner: Owner::Named(event.owner.clone()),
                requested: event.quantity,
                refusal: refusal.clone(),
            },
            SkuEvent::HoldExtended(_)
            | SkuEvent::HoldTransferred(_)
            | SkuEvent::HoldCommitted(_)
            | SkuEvent::HoldReleased(_)
            | SkuEvent::StockAdjusted(_)
            | SkuEvent::StockCounted(_)
            | SkuEvent::StockMoved(_)
            | SkuEvent::StockShipped(_)
            | SkuEvent::StockReceived(_)
            | SkuEvent::StockReturned(_)
            | SkuEvent::SkuConfigured(_)
            | SkuEvent::SkuRetired
            | SkuEvent::SkuDescribed(_) => Outcome::EventRefused { refusal: refusal.clone() },
        });
    }
    if let SkuEvent::HoldRequested(event) = event {
        despair_of(draft, HoldName::Named(event.hold.clone()));
    }
    Verdict::Refused(refusal)
}

/// Parked events of a hold that was refused wait no longer.
fn despair_of(draft: &mut Draft<'_>, hold: HoldName) {
    let mut waiting = draft.state().parking.iter();
    if waiting.any(|parked| parked.hold == hold && !parked.in_vain) {
        draft.propose(SkuFact::ParkedInVain { hold });
    }
}

/// Remembers a decided event, and lets go what is outdated.
fn remember(draft: &mut Draft<'_>, published: &Published<SkuEvent>, verdict: &Verdict) {
    let cause = &published.cause;
    let decided = match verdict {
        Verdict::Accepted
        | Verdict::Recorded
        | Verdict::HoldGranted { .. }
        | Verdict::HoldExtended { .. } => true,
        Verdict::Parked => false,
        Verdict::Refused(refusal) => refusal.reason.is_remembered(),
    };
    if decided {
        draft.propose(SkuFact::Remembered(Box::new(Remembered {
            key: cause.key,
            fingerprint: match mutants::is_in(Mutant::WrongFingerprint) {
                true => Fingerprint(cause.key.0 as u64),
                false => cause.fingerprint,
            },
            lane: cause.lane,
            logged_at: cause.logged_at,
            time: cause.time,
            verdict: match mutants::is_in(Mutant::FirstAnswerForgotten) {
                true => Verdict::Accepted,
                false => verdict.clone(),
            },
            promise: keeper(draft, &published.event),
        })));
    }
    let outdated = draft.state().memory.outdated(cause, draft.policy());
    let stones = old_stones(draft);
    if !outdated.ids.is_empty() || !stones.is_empty() {
        draft.propose(SkuFact::Forgotten { ids: outdated.ids, mark: outdated.mark, stones });
    }
}

/// Stones of holds that ended two horizons ago.
fn old_stones(draft: &Draft<'_>) -> Vec<PromiseNo> {
    let horizon = draft.policy().horizon;
    let old = draft.state().book.ended_before(draft.now() - horizon - horizon);
    old.filter(|stone| !draft.has_written(*stone)).take(STONES_AT_ONCE).collect()
}

/// The hold or stone that keeps the event's id, if it can keep one more.
fn keeper(draft: &Draft<'_>, event: &SkuEvent) -> Option<PromiseNo> {
    let promise = draft.number_of(&HoldName::Named(hold_of(event)?.clone()))?;
    draft.state().memory.has_room_at(promise).then_some(promise)
}

/// The hold that an event is about.
fn hold_of(event: &SkuEvent) -> Option<&Name> {
    match event {
        SkuEvent::HoldRequested(event) => Some(&event.hold),
        SkuEvent::HoldExtended(event) => Some(&event.hold),
        SkuEvent::HoldTransferred(event) => Some(&event.hold),
        SkuEvent::HoldCommitted(event) => Some(&event.hold),
        SkuEvent::HoldReleased(event) => Some(&event.hold),
        SkuEvent::StockShipped(event) => Some(&event.hold),
        SkuEvent::StockAdjusted(_)
        | SkuEvent::StockCounted(_)
        | SkuEvent::StockMoved(_)
        | SkuEvent::StockReceived(_)
        | SkuEvent::StockReturned(_)
        | SkuEvent::SkuConfigured(_)
        | SkuEvent::SkuRetired
        | SkuEvent::SkuDescribed(_) => None,
    }
}

/// How the movements of an event are remembered for counts.
fn trace(event: &SkuEvent) -> Trace {
    match event {
        SkuEvent::StockAdjusted(_)
        | SkuEvent::StockMoved(_)
        | SkuEvent::StockShipped(_)
        | SkuEvent::StockReceived(_)
        | SkuEvent::StockReturned(_) => Trace::Goods,
        SkuEvent::StockCounted(_) => Trace::Untraced,
        SkuEvent::HoldRequested(_)
        | SkuEvent::HoldExtended(_)
        | SkuEvent::HoldTransferred(_)
        | SkuEvent::HoldCommitted(_)
        | SkuEvent::HoldReleased(_)
        | SkuEvent::SkuConfigured(_)
        | SkuEvent::SkuRetired
        | SkuEvent::SkuDescribed(_) => Trace::Promise,
    }
}

/// Lets an event wait for the hold it names.
fn park(draft: &mut Draft<'_>, published: &Published<SkuEvent>) -> Result<Verdict, Refusal> {
    let Some(hold) = hold_of(&published.event) else { return Err(Reason::Orphan.into()) };
    if draft.unparks() {
        return Err(Reason::HoldEnded.into());
    }
    if draft.state().parking.len() >= draft.policy().parked_max {
        return Err(Reason::Orphan.into());
    }
    let place = draft.next_number();
    draft.propose(SkuFact::Parked(Box::new(ParkedEvent {
        place,
        hold: HoldName::Named(hold.clone()),
        until: published.cause.logged_at + draft.policy().park_for,
        in_vain: false,
        published: published.clone(),
    })));
    Ok(Verdict::Parked)
}

/// What an event finds under the name of the hold it is about.
fn find<'a>(draft: &'a Draft<'_>, hold: &Name) -> Known<'a> {
    draft.find(&HoldName::Named(hold.clone()))
}
