//! What must have occurred over the default seeds. A zero fails: a simulator that does not reach a
//! fault, a refusal or a way of recovery proves nothing about it.

use earmark::domain::refusal::Reason;

use super::world::Tally;

const FAULTS: [&str; 32] = [
    "EARMARK_AVAILABILITY loses its tail",
    "EARMARK_CMD is full",
    "EARMARK_CMD loses its tail",
    "EARMARK_IN is made anew",
    "EARMARK_IN loses a block",
    "EARMARK_IN loses its tail",
    "EARMARK_OUT loses its tail",
    "a command comes again",
    "a partition has too many commands to read",
    "a pod is frozen, another takes over",
    "a pod is killed",
    "a pod is slow",
    "a pod's clock jumps",
    "a reader fails",
    "a reader stalls",
    "an answer is lost",
    "an append arrives late",
    "an append arrives twice",
    "an append is lost",
    "an append's answer is lost",
    "an effect is lost",
    "a lost command comes late",
    "an old command comes again",
    "an effect's answer is lost",
    "an input kills the process",
    "an outage longer than the server remembers ids",
    "the journal is full",
    "the journal loses its tail",
    "the store goes back in time",
    "the store is away",
    "the store is emptied",
    "two owners at once",
];

const WAYS: [&str; 43] = [
    "asked: answered",
    "asked: answered after more was committed",
    "asked: cold",
    "asked: its owner stopped",
    "asked: no answer in time",
    "asked: set aside",
    "asked: unknown",
    "burnt: a hold that is asked for later",
    "bound: demand waits for answers",
    "decided: a repeat",
    "decided: parked",
    "exit: Frozen",
    "exit: Left",
    "exit: LeftInHaste",
    "exit: OutLostItsTail",
    "exit: SnapshotLost",
    "exit: SteppedDown",
    "exit: refused: the journal lost its tail",
    "given up: orphan",
    "journal: a closing mark",
    "journal: a loss was said: EndBeforeCursor",
    "journal: a loss was said: OtherStream",
    "journal: a loss was said: message",
    "journal: an input waits",
    "journal: an order that was not placed",
    "journal: how a SKU stood",
    "journal: how an order stood",
    "journal: in hand",
    "journal: inputs waited out",
    "journal: quarantined",
    "journal: quarantined, and rebuilt",
    "journal: reinstated",
    "journal: resumed",
    "journal: taken over",
    "recovery: a passivated entity is loaded again",
    "recovery: deadlines are found in the store",
    "promotion: all its SKUs are live",
    "an archive is compared",
    "purged: events",
    "recovery: from an archive",
    "recovery: from the first record",
    "shopper: answered",
    "shopper: asks again",
];

const OUTCOMES: [&str; 29] = [
    "event.refused",
    "fulfilment.moved",
    "fulfilment.not_moved",
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
    "order.edit_refused",
    "order.edited",
    "order.expired",
    "order.partially_shipped",
    "order.rejected",
    "order.reserved",
    "order.returned",
    "order.shipped",
    "refund.due",
    "shipment.cancelled",
    "stock.backorder_filled",
    "stock.shortfall",
    "stock.shortfall_covered",
];

/// Reasons that no run gives, and why.
const ELSEWHERE: [(Reason, &str); 2] = [
    (Reason::LocationRequired, "the policy of the run finds a location by itself"),
    (Reason::NotSupported, "every event of this contract is decided"),
];

/// Where a reason may stand.
const WHERE: [&str; 5] = ["refused", "rejected", "given up", "line", "refund"];

/// What did not occur and should have.
pub fn missing(tally: &Tally) -> Vec<String> {
    let faults = FAULTS.iter().map(|fault| format!("fault: {fault}"));
    let outcomes = OUTCOMES.iter().map(|outcome| format!("outcome: {outcome}"));
    let ways = WAYS.iter().map(|way| (*way).to_owned());
    let listed = faults.chain(outcomes).chain(ways).filter(|what| !tally.contains_key(what));
    let here = |reason: &&Reason| !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == *reason);
    let reasons = Reason::ALL.iter().filter(here).filter(|reason| {
        WHERE.iter().all(|place| !tally.contains_key(&format!("{place}: {reason}")))
    });
    listed.chain(reasons.map(|reason| format!("reason: {reason}"))).collect()
}
