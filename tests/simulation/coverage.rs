//! What must have occurred over the default seeds. A zero fails: a simulator that does not reach a
//! fault, a refusal or a way of recovery proves nothing about it.

use earmark::domain::refusal::Reason;

use super::world::Tally;

const FAULTS: [&str; 21] = [
    "EARMARK_CMD loses its tail",
    "EARMARK_IN loses its tail",
    "EARMARK_OUT loses its tail",
    "a pod is frozen, another takes over",
    "a pod is killed",
    "a pod's clock jumps",
    "a reader fails",
    "a reader stalls",
    "an answer is lost",
    "an append arrives late",
    "an append arrives twice",
    "an append is lost",
    "an append's answer is lost",
    "an effect is lost",
    "an effect's answer is lost",
    "an outage longer than the server remembers ids",
    "the journal is full",
    "the store goes back in time",
    "the store is away",
    "the store is emptied",
    "two owners at once",
];

const WAYS: [&str; 13] = [
    "decided: a repeat",
    "decided: parked",
    "exit: Left",
    "exit: OutLostItsTail",
    "exit: SnapshotLost",
    "exit: SteppedDown",
    "given up: orphan",
    "journal: a loss was said",
    "journal: an input waits",
    "journal: in hand",
    "journal: inputs waited out",
    "journal: quarantined",
    "journal: taken over",
];

const OUTCOMES: [&str; 21] = [
    "event.refused",
    "hold.committed",
    "hold.expired",
    "hold.extended",
    "hold.granted",
    "hold.partially_granted",
    "hold.rejected",
    "hold.released",
    "hold.transferred",
    "order.cancel_refused",
    "order.cancelled",
    "order.closed",
    "order.confirmed",
    "order.delivered",
    "order.expired",
    "order.partially_shipped",
    "order.rejected",
    "order.reserved",
    "order.shipped",
    "refund.due",
    "stock.shortfall",
];

/// Reasons that no run gives, and why.
const ELSEWHERE: [(Reason, &str); 11] = [
    (Reason::Killer, "too rare here: only a pod that dies while it reads one by one"),
    (Reason::PaymentTooLate, "said within `refund.due`, which is counted as an outcome"),
    (Reason::Unanswered, "a case of the order's own tests"),
    (Reason::Busy, "safe mode is not there yet"),
    (Reason::TooLarge, "sizes are the contract's and the real servers' tests"),
    (Reason::NotSellable, "a case of the SKU's own tests"),
    (Reason::HoldExists, "a case of the SKU's own tests"),
    (Reason::ExceedsQuantity, "a case of the order's own tests"),
    (Reason::OrderExists, "a case of the order's own tests"),
    (Reason::UnknownLine, "a case of the order's own tests"),
    (Reason::CancelWindowClosed, "a case of the order's own tests"),
];

/// What did not occur and should have.
pub fn missing(tally: &Tally) -> Vec<String> {
    let faults = FAULTS.iter().map(|fault| format!("fault: {fault}"));
    let outcomes = OUTCOMES.iter().map(|outcome| format!("outcome: {outcome}"));
    let ways = WAYS.iter().map(|way| (*way).to_owned());
    let listed = faults.chain(outcomes).chain(ways).filter(|what| !tally.contains_key(what));
    let here = |reason: &&Reason| !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == *reason);
    let reasons = Reason::ALL.iter().filter(here).filter(|reason| {
        ["refused", "rejected", "given up"]
            .iter()
            .all(|kind| !tally.contains_key(&format!("{kind}: {reason}")))
    });
    listed.chain(reasons.map(|reason| format!("reason: {reason}"))).collect()
}
