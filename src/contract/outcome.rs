//! What leaves as an event: outcomes as CloudEvents, with plain readable data.

mod types;

use serde::Serialize;

pub use types::{OUTCOME_TYPES, OUTCOME_VERSION, OutcomeType, QUANTITIES};

use super::{
    outgoing::{CauseRef, envelope},
    time,
};
use crate::domain::{
    event::HoldKind,
    ids::{EntityKey, HoldName, LocationId, Owner},
    outcome::{LineQuantity, LineRefusal, LineReserved, Outcome, Quantities, ShortHold},
    refusal::{Reason, Refusal},
    time::Timestamp,
};

/// An outcome, with what its envelope says.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeEvent<'a> {
    /// The effect's id.
    pub id: &'a str,
    /// Whose outcome it is.
    pub key: &'a EntityKey,
    /// When it was decided.
    pub time: Timestamp,
    /// What caused it.
    pub cause: Option<CauseRef<'a>>,
    /// What came out.
    pub outcome: &'a Outcome,
    /// The SKU's quantities afterwards, summed over its locations, if it is one.
    pub quantities: Option<&'a Quantities>,
}

/// An outcome as the bytes of a CloudEvent.
pub fn render_outcome(event: &OutcomeEvent) -> Vec<u8> {
    let kind = format!("{}.v{OUTCOME_VERSION}", event.outcome.kind());
    let data = OutcomeData { quantities: event.quantities, ..data_of(event.outcome) };
    envelope(event.id, &kind, event.key.key(), event.time, event.cause, &data)
}

macro_rules! optional_fields {
    ($(#[$doc:meta])* struct $name:ident<$life:lifetime> { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Default, Serialize)]
        struct $name<$life> {
            $(#[serde(skip_serializing_if = "Option::is_none")] $field: Option<$type>,)*
        }
    };
}

optional_fields! {
    /// The fields of all outcomes; each has some of them.
    struct OutcomeData<'a> {
        hold: String,
        owner: String,
        from_owner: String,
        to_owner: String,
        kind: HoldKind,
        requested: u32,
        quantity: u32,
        backordered: u32,
        location: &'a LocationId,
        expires_at: String,
        reason: &'a str,
        available: u32,
        about: &'a str,
        units: u64,
        holds: Vec<ShortHoldData>,
        more: bool,
        fulfilment: &'a str,
        r#return: &'a str,
        lines: Lines<'a>,
        refused: Vec<LineRefusalData<'a>>,
        complete: bool,
        payment_due_at: String,
        payment: &'a str,
        amount_minor: u64,
        currency: &'a str,
        quantities: &'a Quantities,
    }
}

#[derive(Serialize)]
struct ShortHoldData {
    hold: String,
    owner: String,
    units: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Lines<'a> {
    Reserved(&'a [LineReserved]),
    Units(&'a [LineQuantity]),
}

#[derive(Serialize)]
struct LineRefusalData<'a> {
    line: &'a str,
    sku: &'a str,
    reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<u32>,
}

fn short_holds(holds: &[ShortHold]) -> Vec<ShortHoldData> {
    let data = |short: &ShortHold| ShortHoldData {
        hold: short.hold.to_string(),
        owner: short.owner.to_string(),
        units: short.units,
    };
    holds.iter().map(data).collect()
}

impl<'a> From<&'a LineRefusal> for LineRefusalData<'a> {
    fn from(LineRefusal { line, sku, refusal }: &'a LineRefusal) -> Self {
        let (line, sku) = (line.as_str(), sku.as_str());
        LineRefusalData { line, sku, reason: refusal.reason, available: refusal.available }
    }
}

fn refusals(lines: &[LineRefusal]) -> Vec<LineRefusalData<'_>> {
    lines.iter().map(LineRefusalData::from).collect()
}

impl<'a> OutcomeData<'a> {
    fn refused(refusal: &'a Refusal) -> OutcomeData<'a> {
        OutcomeData {
            reason: Some(refusal.reason.as_str()),
            available: refusal.available,
            about: refusal.about.as_ref().map(|name| name.as_str()),
            ..OutcomeData::default()
        }
    }

    fn hold(hold: &HoldName, owner: Option<&Owner>) -> OutcomeData<'a> {
        OutcomeData {
            hold: Some(hold.to_string()),
            owner: owner.map(ToString::to_string),
            ..OutcomeData::default()
        }
    }
}

fn data_of(outcome: &Outcome) -> OutcomeData<'_> {
    data_of_hold(outcome).unwrap_or_else(|| data_of_order(outcome))
}

fn data_of_hold(outcome: &Outcome) -> Option<OutcomeData<'_>> {
    let at = |time: &Timestamp| Some(time::format(*time));
    Some(match outcome {
        Outcome::HoldGranted {
            hold,
            owner,
            kind,
            requested,
            quantity,
            backordered,
            location,
            expires_at,
        } => OutcomeData {
            kind: Some(*kind),
            requested: Some(*requested),
            quantity: Some(*quantity),
            backordered: Some(*backordered),
            location: Some(location),
            expires_at: at(expires_at),
            ..OutcomeData::hold(hold, Some(owner))
        },
        Outcome::HoldRejected { hold, owner, requested, refusal } => OutcomeData {
            hold: Some(hold.to_string()),
            owner: Some(owner.to_string()),
            requested: Some(*requested),
            ..OutcomeData::refused(refusal)
        },
        Outcome::HoldExtended { hold, expires_at } => {
            OutcomeData { expires_at: at(expires_at), ..OutcomeData::hold(hold, None) }
        }
        Outcome::HoldTransferred { hold, from, to } => OutcomeData {
            from_owner: Some(from.to_string()),
            to_owner: Some(to.to_string()),
            ..OutcomeData::hold(hold, None)
        },
        Outcome::HoldCommitted { hold, owner, quantity }
        | Outcome::HoldReleased { hold, owner, quantity }
        | Outcome::HoldExpired { hold, owner, quantity } => {
            OutcomeData { quantity: Some(*quantity), ..OutcomeData::hold(hold, Some(owner)) }
        }
        _ => return None,
    })
}

fn data_of_order(outcome: &Outcome) -> OutcomeData<'_> {
    match outcome {
        Outcome::StockShortfall { location, units, holds, more }
        | Outcome::BackorderFilled { location, units, holds, more }
        | Outcome::ShortfallCovered { location, units, holds, more } => OutcomeData {
            location: Some(location),
            units: Some(*units),
            holds: Some(short_holds(holds)),
            more: Some(*more),
            ..OutcomeData::default()
        },
        Outcome::OrderReserved { lines, refused, payment_due_at } => OutcomeData {
            lines: Some(Lines::Reserved(lines)),
            refused: Some(refusals(refused)),
            payment_due_at: Some(time::format(*payment_due_at)),
            ..OutcomeData::default()
        },
        Outcome::OrderRejected { refused } => {
            OutcomeData { refused: Some(refusals(refused)), ..OutcomeData::default() }
        }
        Outcome::OrderShipped { fulfilment, lines, complete } => OutcomeData {
            fulfilment: Some(fulfilment.as_str()),
            lines: Some(Lines::Units(lines)),
            complete: Some(*complete),
            ..OutcomeData::default()
        },
        Outcome::ShipmentCancelled { fulfilment, lines, complete } => OutcomeData {
            fulfilment: Some(fulfilment.as_str()),
            complete: Some(*complete),
            lines: Some(Lines::Units(lines)),
            ..OutcomeData::default()
        },
        Outcome::OrderEdited { lines } => {
            OutcomeData { lines: Some(Lines::Units(lines)), ..OutcomeData::default() }
        }
        Outcome::OrderEditRefused { refused } => {
            OutcomeData { refused: Some(refusals(refused)), ..OutcomeData::default() }
        }
        Outcome::FulfilmentMoved { fulfilment, lines } => OutcomeData {
            fulfilment: Some(fulfilment.as_str()),
            lines: Some(Lines::Units(lines)),
            ..OutcomeData::default()
        },
        Outcome::FulfilmentNotMoved { fulfilment, refusal } => {
            OutcomeData { fulfilment: Some(fulfilment.as_str()), ..OutcomeData::refused(refusal) }
        }
        Outcome::OrderReturned { r#return, lines, complete } => OutcomeData {
            r#return: Some(r#return.as_str()),
            lines: Some(Lines::Units(lines)),
            complete: Some(*complete),
            ..OutcomeData::default()
        },
        Outcome::OrderCancelled { lines, complete, reason } => OutcomeData {
            lines: Some(Lines::Units(lines)),
            complete: Some(*complete),
            reason: Some(reason),
            ..OutcomeData::default()
        },
        Outcome::RefundDue { payment, amount_minor, currency, refusal } => OutcomeData {
            payment: Some(payment.as_str()),
            amount_minor: Some(*amount_minor),
            currency: Some(currency),
            ..OutcomeData::refused(refusal)
        },
        Outcome::OrderCancelRefused { refusal } | Outcome::EventRefused { refusal } => {
            OutcomeData::refused(refusal)
        }
        // Those that say all with their name; and those of holds, which do not come here.
        _ => OutcomeData::default(),
    }
}
