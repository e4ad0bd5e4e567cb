//! Orders: each came to one end, or is open for a reason; and the end is what its SKUs said.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use earmark::{
    domain::{
        ids::EntityKey,
        order::{OrderFact, saga::LegFact},
        outcome::{LineReserved, Outcome},
    },
    partition::entry::{Decided, Entry, Facts},
};

use super::{
    Place, Policy, Report,
    input::{Input, sum},
    ledger::{Ledger, Said},
};

/// Why an order is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Open {
    /// No SKU or not every SKU has said what it has.
    Unanswered,
    /// Nobody has paid for it.
    Unpaid,
    /// Not all that was granted has left.
    Unshipped,
}

/// An order's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Rejected,
    Shipped,
    Cancelled,
    Expired,
}

#[derive(Debug, Default)]
struct Order {
    placed: bool,
    unanswered: BTreeSet<u32>,
    reserved: Option<Vec<LineReserved>>,
    confirmed: u64,
    ends: Vec<End>,
    refunds: Vec<u64>,
}

/// All orders.
#[derive(Debug, Default)]
pub struct Orders(BTreeMap<String, Order>);

impl Orders {
    /// Takes note of an entry.
    pub fn note(&mut self, entry: &Entry) {
        let Entry::Decided(decided) = entry else { return };
        if let (EntityKey::Order(id), Facts::Order(facts)) = (&decided.entity, &decided.facts) {
            let order = self.0.entry(id.to_string()).or_default();
            facts.iter().for_each(|fact| order.fact(fact));
            order.outcomes(decided);
        }
    }

    /// Whether no order waits for a SKU's answer.
    pub fn at_rest(&self) -> bool {
        self.0.values().all(|order| order.unanswered.is_empty())
    }

    /// Compares with what was published and with what the SKUs said.
    pub fn conclude(&self, input: &Input, ledger: &Ledger, policy: Policy, report: &mut Report) {
        let open = ledger.open_promises();
        let paid = input.orders_with(&["payment.captured.v1", "payment.authorized.v1"]);
        let captured = input.captured();
        let granted_to_ship = input.shipped();
        let shipped =
            sum(granted_to_ship.iter().map(|((order, _), units)| (order.as_str(), *units)));
        for event in input.of("order.placed.v1") {
            let id = event.subject.as_str();
            let facts = Published {
                id,
                paid: paid.contains(id),
                captured: captured.get(id).copied().unwrap_or_default(),
                shipped: shipped.get(id).copied().unwrap_or_default(),
                holds: open.get(id).copied(),
            };
            match self.0.get(id) {
                Some(order) => {
                    order.judge(&facts, input, ledger, policy, report);
                }
                None => report.complain(format!("{id}: placed, and no decision speaks of it")),
            }
        }
        report.count("orders", self.0.len() as u64);
    }
}

/// What else is known of an order.
struct Published<'a> {
    id: &'a str,
    paid: bool,
    captured: u64,
    shipped: u64,
    holds: Option<(u64, bool)>,
}

impl Order {
    fn fact(&mut self, fact: &OrderFact) {
        match fact {
            OrderFact::Placed { legs, .. } => {
                self.placed = true;
                let sent = (0..).zip(legs).filter(|(_, leg)| leg.sent.is_some());
                self.unanswered.extend(sent.map(|(index, _)| index));
            }
            OrderFact::Leg { leg, fact } => match fact {
                LegFact::Sent(_) | LegFact::SentAgain { .. } => {
                    self.unanswered.insert(*leg);
                }
                LegFact::Granted(_)
                | LegFact::Refused(_)
                | LegFact::Allocated { .. }
                | LegFact::Released { .. }
                | LegFact::Shipped { .. }
                | LegFact::Moved { .. } => {
                    self.unanswered.remove(leg);
                }
                LegFact::Lapsed | LegFact::Shipping(_) | LegFact::Moving(_) => {}
            },
            _ => {}
        }
    }

    fn outcomes(&mut self, decided: &Decided) {
        for outcome in &decided.outcomes {
            match outcome {
                Outcome::OrderReserved { lines, .. } => self.reserved = Some(lines.clone()),
                Outcome::OrderConfirmed => self.confirmed += 1,
                Outcome::OrderRejected { .. } => self.ends.push(End::Rejected),
                Outcome::OrderShipped { complete: true, .. } => self.ends.push(End::Shipped),
                Outcome::OrderCancelled { complete: true, .. } => self.ends.push(End::Cancelled),
                Outcome::OrderExpired => self.ends.push(End::Expired),
                Outcome::RefundDue { amount_minor, .. } => self.refunds.push(*amount_minor),
                _ => {}
            }
        }
    }

    fn judge(
        &self,
        of: &Published<'_>,
        input: &Input,
        ledger: &Ledger,
        policy: Policy,
        report: &mut Report,
    ) {
        let complaints = [
            self.judge_end(of, report),
            self.judge_rejection(of.id, ledger, policy),
            self.judge_grants(of.id, input, ledger),
            self.judge_refunds(of),
            self.judge_holds(of),
        ];
        for complaint in complaints.into_iter().flatten() {
            report.complain(format!("{}: {complaint}", of.id));
        }
    }

    /// One end, or a reason for none.
    fn judge_end(&self, of: &Published<'_>, report: &mut Report) -> Option<String> {
        match self.ends.as_slice() {
            [] => {
                let why = self.why_open();
                *report.open.entry(why).or_default() += 1;
                let is_true = match why {
                    Open::Unanswered => false,
                    Open::Unpaid => !of.paid,
                    Open::Unshipped => of.shipped < self.promised(),
                };
                (!is_true).then(|| format!("is open without a reason: {why}"))
            }
            [end] => {
                report.count(end.name(), 1);
                (!matches!(end, End::Rejected | End::Shipped))
                    .then(|| format!("came to an end that nobody asked for: {end:?}"))
            }
            more => Some(format!("came to more than one end: {more:?}")),
        }
    }

    fn why_open(&self) -> Open {
        if !self.unanswered.is_empty() || (self.reserved.is_none() && self.confirmed == 0) {
            Open::Unanswered
        } else if self.confirmed == 0 {
            Open::Unpaid
        } else {
            Open::Unshipped
        }
    }

    fn promised(&self) -> u64 {
        self.reserved.iter().flatten().map(|line| u64::from(line.quantity)).sum()
    }

    /// All or nothing: rejected if and only if a SKU refused. By the unit: if all did.
    fn judge_rejection(&self, id: &str, ledger: &Ledger, policy: Policy) -> Option<String> {
        let said: Vec<Said> = ledger.said_to(id).map(|(_, said)| said).collect();
        let refused = match policy {
            Policy::AllOrNothing => said.contains(&Said::Refused),
            Policy::Partial => said.iter().all(|said| *said == Said::Refused),
        };
        match (self.ends.contains(&End::Rejected), refused) {
            (true, false) => Some("is rejected, though its SKUs did not refuse".to_owned()),
            (false, true) => Some("is not rejected, though its SKUs refused".to_owned()),
            (true, true) | (false, false) => None,
        }
    }

    /// What the order says it has is what its SKUs granted.
    fn judge_grants(&self, id: &str, input: &Input, ledger: &Ledger) -> Option<String> {
        let lines = self.reserved.as_ref()?;
        let place = |line: &LineReserved| {
            let place = input.place_of(id, line.line.as_str())?;
            (line.location.as_str() == place.1 && line.sku.as_str() == place.0).then_some(place)
        };
        if lines.iter().any(|line| place(line).is_none()) {
            return Some("was promised what it did not order".to_owned());
        }
        let says = lines.iter().filter(|line| line.quantity > 0);
        let says = sum(says.filter_map(|line| Some((place(line)?, u64::from(line.quantity)))));
        let granted: BTreeMap<&Place, u64> = ledger
            .said_to(id)
            .filter_map(|(place, said)| match said {
                Said::Granted(units) => Some((place, units)),
                Said::Refused => None,
            })
            .collect();
        (says != granted).then(|| format!("says {says:?} is reserved, its SKUs say {granted:?}"))
    }

    /// Money of a rejected order is due back, once and all of it; no other is.
    fn judge_refunds(&self, of: &Published<'_>) -> Option<String> {
        let rejected = self.ends.contains(&End::Rejected) && of.captured > 0;
        let due = if rejected { vec![of.captured] } else { vec![] };
        (self.refunds != due)
            .then(|| format!("{:?} is said to be due back, it should be {due:?}", self.refunds))
    }

    /// An order that came to an end holds nothing; one that waits to ship holds what it was
    /// promised, for good.
    fn judge_holds(&self, of: &Published<'_>) -> Option<String> {
        let (units, committed) = of.holds.unwrap_or((0, true));
        let due = if self.ends.is_empty() { self.promised().saturating_sub(of.shipped) } else { 0 };
        if units != due {
            return Some(format!("holds {units} units, it should hold {due}"));
        }
        if self.confirmed > 1 {
            return Some(format!("was confirmed {} times", self.confirmed));
        }
        (self.confirmed == 1 && !committed)
            .then(|| "is confirmed, and its units may still expire".to_owned())
    }
}

impl End {
    fn name(self) -> &'static str {
        match self {
            End::Rejected => "orders rejected",
            End::Shipped => "orders shipped",
            End::Cancelled => "orders cancelled",
            End::Expired => "orders expired",
        }
    }
}

impl fmt::Display for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Open::Unanswered => "not all of its SKUs have answered",
            Open::Unpaid => "nobody has paid for it",
            Open::Unshipped => "not all of it has left",
        })
    }
}
