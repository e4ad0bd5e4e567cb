//! What occurred, and what must: every type of event, every reason, every outcome, every state.
//!
//! Promise: what is not listed as impossible here, with why, and does not occur fails the run.

use std::collections::BTreeMap;

use earmark::{
    contract::types::EVENT_TYPES,
    domain::{
        command::{CommandBody, SkuAnswer},
        decision::{Decision, Standing, Verdict},
        event::Lane,
        order::{
            OrderState,
            fulfilment::Stage,
            lines::Place,
            payment::{MoneyStage, Payment},
            returns::ReturnStage,
            saga::Hold,
            state::Order,
            status::OrderStatus,
            wishes::Wish,
        },
        outcome::Outcome,
        refusal::Reason,
        sku::{
            SkuFact, SkuState,
            hold::{Ending, HoldState},
        },
    },
};

/// Reasons that the domain alone cannot give, and who does.
const ELSEWHERE: [(Reason, &str); 11] = [
    (Reason::MalformedJson, "the contract: bytes that are no JSON are no event"),
    (Reason::MissingField, "the contract: an event that is one has its fields"),
    (Reason::UnknownType, "the contract: the domain knows no names of types"),
    (Reason::UnsupportedVersion, "the contract: nor versions of them"),
    (Reason::WrongLane, "the contract: the lane is part of the subject"),
    (Reason::Misrouted, "the contract: so is the key"),
    (Reason::InvalidReplyto, "the contract: where answers go is no matter of the domain"),
    (Reason::TimeInFuture, "the contract: the domain knows one clock, and it is the event's"),
    (Reason::Busy, "the engine: it says when there is too much to do"),
    (Reason::Quarantined, "the engine: an entity that is quarantined decides nothing"),
    (Reason::Killer, "the engine: nor does a process that is dead"),
];

/// A reason that nothing can have by the rules of today.
const NEVER: (Reason, &str) =
    (Reason::NotSupported, "a guard without a row: tests of the tables see that there is none");

/// What occurred how often. Counted by where its words stand, since that is compared faster than
/// the words; words that stand in several places are summed in the end.
#[derive(Clone, Debug, Default)]
pub struct Tally(BTreeMap<(usize, usize), (&'static str, &'static str, u64)>);

impl Tally {
    fn count(&mut self, what: &'static str, which: &'static str) {
        let place = (what.as_ptr().addr(), which.as_ptr().addr());
        self.0.entry(place).or_insert((what, which, 0)).2 += 1;
    }

    /// How often each occurred, by name.
    fn by_name(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        let mut all = BTreeMap::new();
        for (what, which, times) in self.0.values() {
            *all.entry((*what, *which)).or_default() += times;
        }
        all
    }

    pub fn said(&mut self, kind: &'static str, lane: Lane) {
        self.count("event", kind);
        self.count(lane.as_str(), kind);
    }

    pub fn verdict(&mut self, verdict: &Verdict) {
        let kind = match verdict {
            Verdict::Accepted => "accepted",
            Verdict::Recorded => "recorded",
            Verdict::Parked => "parked",
            Verdict::HoldGranted { .. } => "hold granted",
            Verdict::HoldExtended { .. } => "hold extended",
            Verdict::Refused(refusal) => {
                self.count("reason", refusal.reason.as_str());
                "refused"
            }
        };
        self.count("verdict", kind);
    }

    /// What a decision says.
    pub fn decision<F>(&mut self, decision: &Decision<F>) {
        if decision.standing == Standing::Repeated {
            self.count("verdict", "repeated");
        }
        self.verdict(&decision.verdict);
        for given_up in &decision.given_up {
            self.count("reason", given_up.reason.as_str());
        }
        for outcome in &decision.outcomes {
            self.count("outcome", outcome.kind());
            self.reasons(outcome);
        }
        for command in &decision.commands {
            if let CommandBody::Answer(answer) = &command.body {
                self.answer(answer);
            }
        }
    }

    fn reasons(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::OrderRejected { refused }
            | Outcome::OrderReserved { refused, .. }
            | Outcome::OrderEditRefused { refused } => {
                refused.iter().for_each(|of| self.count("reason", of.refusal.reason.as_str()));
            }
            Outcome::RefundDue { refusal, .. }
            | Outcome::HoldRejected { refusal, .. }
            | Outcome::FulfilmentNotMoved { refusal, .. }
            | Outcome::OrderCancelRefused { refusal }
            | Outcome::EventRefused { refusal } => self.count("reason", refusal.reason.as_str()),
            _ => {}
        }
    }

    fn answer(&mut self, answer: &SkuAnswer) {
        let kind = match answer {
            SkuAnswer::Reserved { .. } => "reserved",
            SkuAnswer::NotReserved { refusal, .. } => {
                self.count("reason", refusal.reason.as_str());
                "not reserved"
            }
            SkuAnswer::Committed { .. } => "committed",
            SkuAnswer::NotCommitted { refusal, .. } => {
                self.count("reason", refusal.reason.as_str());
                "not committed"
            }
            SkuAnswer::Released { .. } => "released",
            SkuAnswer::Shipped { .. } => "shipped",
            SkuAnswer::Moved { .. } => "moved",
            SkuAnswer::Expired { .. } => "expired",
            SkuAnswer::After { answer, .. } => {
                self.answer(answer);
                "after"
            }
        };
        self.count("answer", kind);
    }

    /// What became of a SKU.
    pub fn sku(&mut self, sku: &SkuState, decision: &Decision<SkuFact>) {
        for fact in &decision.facts {
            match fact {
                SkuFact::HoldOpened(hold) => self.count("hold", hold_state(&hold.state)),
                SkuFact::HoldCommitted { .. } => self.count("hold", "committed"),
                SkuFact::HoldEnded { ending, .. } => self.count("hold", ended(ending)),
                SkuFact::StoneLaid(stone) => self.count("hold", ended(&stone.ending)),
                _ => {}
            }
        }
        let all = sku.quantities(None);
        let settings = sku.settings();
        for (is_so, state) in [
            (all.short > 0, "short"),
            (all.backordered > 0, "backordered"),
            (all.overdrawn > 0, "overdrawn"),
            (all.unavailable > 0, "unavailable"),
            (settings.retired, "retired"),
            (!settings.sellable, "not sellable"),
        ] {
            if is_so {
                self.count("sku", state);
            }
        }
    }

    /// Where an order stands.
    pub fn order(&mut self, state: &OrderState) {
        if let Some(status) = state.status() {
            self.count("status", status_name(status));
        }
        if state.stone().is_some() {
            self.count("order", "a stone");
        }
        if let Some(order) = state.order() {
            self.placed(order);
        }
    }

    fn placed(&mut self, order: &Order) {
        for line in &order.lines {
            for place in PLACES {
                if line.units.at(place) > 0 {
                    self.count("place", place_name(place));
                }
            }
        }
        order.fulfilments.values().for_each(|of| self.count("fulfilment", stage(of.stage)));
        order.returns.values().for_each(|of| self.count("return", return_stage(of.stage)));
        order.legs.iter().for_each(|leg| self.count("leg", leg_hold(&leg.hold)));
        order.wishes.values().for_each(|wish| self.count("wish", wish_kind(wish)));
        order.payments.values().for_each(|payment| self.payment(payment));
        self.count("money", money(order.money()));
    }

    fn payment(&mut self, of: &Payment) {
        for (is_so, state) in [
            (of.authorized > 0, "authorized"),
            (of.captured > 0, "captured"),
            (of.voided > 0, "voided"),
            (of.failed > 0, "failed"),
            (of.disputed > 0, "disputed"),
            (of.refund_due > 0, "refund due"),
            (of.refunded > 0 && of.refunded < of.captured, "partially refunded"),
            (of.refunded > 0 && of.refunded >= of.captured, "refunded"),
        ] {
            if is_so {
                self.count("payment", state);
            }
        }
    }

    /// Adds what occurred elsewhere.
    pub fn add(&mut self, other: &Tally) {
        for (place, (what, which, times)) in &other.0 {
            self.0.entry(*place).or_insert((*what, *which, 0)).2 += times;
        }
    }

    /// What never occurred and should have, and what should not have and did.
    pub fn complaints(&self) -> Vec<String> {
        let all = self.by_name();
        let has = |what, which| all.contains_key(&(what, which));
        let mut missing: Vec<String> = Vec::new();
        for of in EVENT_TYPES {
            if !has("event", of.name) || !has(of.lane.as_str(), of.name) {
                missing.push(format!("event {} by {}", of.name, of.lane.as_str()));
            }
        }
        for reason in Reason::ALL {
            let elsewhere = ELSEWHERE.iter().chain([&NEVER]).find(|(of, _)| of == reason);
            match (has("reason", reason.as_str()), elsewhere) {
                (false, None) => missing.push(format!("reason {reason}")),
                (true, Some((_, why))) => {
                    missing.push(format!("reason {reason} occurs, but {why}"))
                }
                (true, None) | (false, Some(_)) => {}
            }
        }
        let kinds = Outcome::KINDS.iter().map(|kind| ("outcome", *kind));
        let states = STATES.iter().flat_map(|(what, all)| all.iter().map(|which| (*what, *which)));
        let not = kinds.chain(states).filter(|(what, which)| !has(*what, *which));
        missing.extend(not.map(|(what, which)| format!("{what} {which}")));
        missing
    }

    /// All that occurred, a line each.
    pub fn text(&self) -> String {
        let all = self.by_name();
        let lines = all.iter().map(|((what, which), times)| format!("{what}: {which} {times}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

const STATES: [(&str, &[&str]); 13] = [
    (
        "verdict",
        &["accepted", "recorded", "parked", "hold granted", "hold extended", "refused", "repeated"],
    ),
    (
        "answer",
        &[
            "reserved",
            "not reserved",
            "committed",
            "not committed",
            "released",
            "shipped",
            "moved",
            "expired",
            "after",
        ],
    ),
    (
        "hold",
        &[
            "held",
            "committed",
            "ended: released",
            "ended: expired",
            "ended: shipped",
            "ended: transferred",
            "ended: refused",
            "ended: burnt",
        ],
    ),
    ("sku", &["short", "backordered", "overdrawn", "unavailable", "retired", "not sellable"]),
    (
        "status",
        &[
            "placed",
            "reserved",
            "rejected",
            "confirmed",
            "partially shipped",
            "shipped",
            "delivered",
            "cancelled",
            "expired",
            "closed",
        ],
    ),
    (
        "place",
        &[
            "awaiting",
            "reserved",
            "allocated",
            "shipped",
            "delivered",
            "refused",
            "cancelled",
            "expired",
        ],
    ),
    ("fulfilment", &["named", "opened", "held", "picked", "shipped", "delivered", "cancelled"]),
    ("return", &["requested", "approved", "declined", "received"]),
    ("leg", &["asked", "granted", "lapsed", "allocated", "refused", "released"]),
    ("wish", &["elsewhere", "more"]),
    (
        "payment",
        &[
            "authorized",
            "captured",
            "voided",
            "failed",
            "disputed",
            "refund due",
            "partially refunded",
            "refunded",
        ],
    ),
    ("money", &["unpaid", "paid", "served", "over"]),
    ("order", &["a stone"]),
];

const PLACES: [Place; 8] = [
    Place::Awaiting,
    Place::Reserved,
    Place::Allocated,
    Place::Shipped,
    Place::Delivered,
    Place::Refused,
    Place::Cancelled,
    Place::Expired,
];

fn place_name(place: Place) -> &'static str {
    match place {
        Place::Awaiting => "awaiting",
        Place::Reserved => "reserved",
        Place::Allocated => "allocated",
        Place::Shipped => "shipped",
        Place::Delivered => "delivered",
        Place::Refused => "refused",
        Place::Cancelled => "cancelled",
        Place::Expired => "expired",
    }
}

fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Placed => "placed",
        OrderStatus::Reserved => "reserved",
        OrderStatus::Rejected => "rejected",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::PartiallyShipped => "partially shipped",
        OrderStatus::Shipped => "shipped",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "expired",
        OrderStatus::Closed => "closed",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Named => "named",
        Stage::Opened => "opened",
        Stage::Held => "held",
        Stage::Picked => "picked",
        Stage::Shipped => "shipped",
        Stage::Delivered => "delivered",
        Stage::Cancelled => "cancelled",
    }
}

fn return_stage(stage: ReturnStage) -> &'static str {
    match stage {
        // Nobody keeps a return that nobody has spoken of.
        ReturnStage::Unknown => "unknown",
        ReturnStage::Requested => "requested",
        ReturnStage::Approved => "approved",
        ReturnStage::Declined => "declined",
        ReturnStage::Received => "received",
    }
}

fn money(stage: MoneyStage) -> &'static str {
    match stage {
        MoneyStage::Unpaid => "unpaid",
        MoneyStage::Paid => "paid",
        MoneyStage::Served => "served",
        MoneyStage::Over => "over",
    }
}

fn leg_hold(hold: &Hold) -> &'static str {
    match hold {
        Hold::Asked => "asked",
        Hold::Granted(_) => "granted",
        Hold::Lapsed(_) => "lapsed",
        Hold::Allocated(_) => "allocated",
        Hold::Refused(_) => "refused",
        Hold::Released => "released",
    }
}

fn wish_kind(wish: &Wish) -> &'static str {
    match wish {
        Wish::Elsewhere { .. } => "elsewhere",
        Wish::More { .. } => "more",
    }
}

fn hold_state(state: &HoldState) -> &'static str {
    match state {
        HoldState::Held { .. } => "held",
        HoldState::Committed => "committed",
    }
}

fn ended(ending: &Ending) -> &'static str {
    match ending {
        Ending::Released => "ended: released",
        Ending::Expired => "ended: expired",
        Ending::Shipped => "ended: shipped",
        Ending::Transferred { .. } => "ended: transferred",
        Ending::Refused { .. } => "ended: refused",
        Ending::Burnt => "ended: burnt",
    }
}
