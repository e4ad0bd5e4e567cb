//! The tables of fields of answers: what their schemas are made of.
//!
//! Promise: each field that an answer can have stands here, and no other; a test holds the answers
//! of [`answer`](super::answer) against them.

use super::certainty::{Certainty, Doubt};
use crate::{
    contract::{
        outcome::QUANTITIES,
        shape::{Field, Shape, Whole, words},
    },
    domain::{
        described::Described,
        order::{
            fulfilment::Stage, payment::MoneyStage, returns::ReturnStage, status::OrderStatus,
        },
        refusal::Reason,
    },
};

const UNITS: Shape = Shape::Whole(Whole::natural("units"));
const MINOR: Shape = Shape::Whole(Whole::natural("minor units"));
const NUMBER: Shape = Shape::Whole(Whole::natural(""));
const CERTAINTY: Shape = Shape::OpenWord(words::<Certainty>);

const PARTITION: Field = Field::required("partition", NUMBER, "which partition it belongs to");
const INCARNATION: &str = "of the partition: revisions of a later one are newer";
const REVISION: &str = "how often it has changed";

/// What a SKU has at a location.
const LOCATION: &[Field] = &{
    let mut fields = [Field::required("location", Shape::Name, "where"); 1 + QUANTITIES.len()];
    let mut at = 1;
    while at < fields.len() {
        fields[at] = QUANTITIES[at - 1];
        at += 1;
    }
    fields
};

/// An answer about a SKU. What only its owner says is left out where its owner says nothing.
pub const SKU_ANSWER: &[Field] = &[
    Field::required("sku", Shape::Key, "the SKU"),
    PARTITION,
    Field::required("certainty", CERTAINTY, "how sure `promisable` is"),
    Field::required("promisable", UNITS, "may be promised from the shelf"),
    Field::nullable("as_of", Shape::Time, "when that was so; `null` if nothing is known"),
    Field::sometimes("doubt", Shape::OpenWord(words::<Doubt>), "why it is not exact"),
    Field::sometimes("why", Shape::AnyText, "the same in words"),
    Field::sometimes("incarnation", NUMBER, INCARNATION),
    Field::sometimes("revision", NUMBER, REVISION),
    Field::sometimes("on_sale", Shape::Flag, "whether new holds are granted at all"),
    Field::sometimes("beyond_stock", UNITS, "may be promised beyond stock"),
    Field::sometimes("total", Shape::Object(QUANTITIES), "summed over its locations"),
    Field::sometimes("locations", Shape::List(LOCATION), "by location, the first 1000 by name"),
    Field::sometimes("locations_in_all", NUMBER, "how many locations there are"),
    Field::sometimes("holds_open", NUMBER, "how many holds stand"),
];

/// An answer about an order.
pub const ORDER_ANSWER: &[Field] = &[
    Field::required("order", Shape::Key, "the order"),
    PARTITION,
    Field::required("certainty", CERTAINTY, "`exact`, or `floor`: its partition is behind"),
    Field::required("as_of", Shape::Time, "when that was so"),
    Field::required("incarnation", NUMBER, INCARNATION),
    Field::required("revision", NUMBER, REVISION),
    Field::required("status", Shape::OpenWord(words::<OrderStatus>), "derived from its lines"),
    Field::required("payment", Shape::OpenWord(money), "what its money stands at"),
    Field::required("placed_at", Shape::Time, "when the log took it"),
    Field::required("payment_due_at", Shape::Time, "until when it must be paid"),
    Field::required(
        "lines",
        Shape::List(LINE),
        "its lines; one that was moved in part in portions",
    ),
    Field::required("payments", Shape::List(PAYMENT), "what is known of its payments"),
    Field::required("fulfilments", Shape::List(FULFILMENT), "its parcels, the first 1000 by name"),
    Field::required("returns", Shape::List(RETURN), "its returns, the first 1000 by name"),
];

const NAMED: Field = Field::required("line", Shape::Name, "the line");

const LINE: &[Field] = &[
    NAMED,
    Field::required("sku", Shape::Key, "what is ordered"),
    Field::required("ordered", UNITS, "units ordered"),
    Field::required("units", Shape::Object(STAND), "where they stand"),
    Field::sometimes("reason", Shape::OpenWord(words::<Reason>), "why units of it were refused"),
];

const STAND: &[Field] = &[
    Field::required("awaiting", UNITS, "its SKU has not answered"),
    Field::required("reserved", UNITS, "promised until the payment deadline"),
    Field::required("allocated", UNITS, "promised for good"),
    Field::required("shipped", UNITS, "left"),
    Field::required("delivered", UNITS, "arrived"),
    Field::required("refused", UNITS, "refused, or given up because another line was"),
    Field::required("cancelled", UNITS, "called off, or their commit failed"),
    Field::required("expired", UNITS, "not paid in time"),
];

const PAYMENT: &[Field] = &[
    Field::required("payment", Shape::Name, "the payment"),
    Field::required("currency", Shape::AnyText, "ISO 4217; the first that was named"),
    Field::required("authorized", MINOR, "promised"),
    Field::required("captured", MINOR, "taken"),
    Field::required("voided", MINOR, "promised and taken back"),
    Field::required("refunded", MINOR, "given back"),
    Field::required("failed", MINOR, "tried without success"),
    Field::required("disputed", MINOR, "objected to by the payer's bank"),
    Field::required("refund_due", MINOR, "due back, and not yet seen to be given back"),
    Field::required("pays", Shape::Flag, "whether it pays for the order"),
];

const FULFILMENT: &[Field] = &[
    Field::required("fulfilment", Shape::Name, "the fulfilment"),
    Field::required("stage", Shape::OpenWord(words::<Stage>), "how far it has come"),
    Field::nullable("location", Shape::Name, "where it happens"),
    Field::nullable("tracking", Shape::AnyText, "the carrier's number"),
    Field::required("lines", Shape::List(PARCEL), "its goods"),
];

const PARCEL: &[Field] = &[
    NAMED,
    Field::required("planned", UNITS, "units that it is said to be about"),
    Field::required("shipped", UNITS, "units that left"),
    Field::required("delivered", UNITS, "of these, units that arrived"),
];

const RETURN: &[Field] = &[
    Field::required("return", Shape::Name, "the return"),
    Field::required("stage", Shape::OpenWord(words::<ReturnStage>), "how far it has come"),
    Field::required("lines", Shape::List(RETURNED), "its goods"),
];

const RETURNED: &[Field] = &[
    NAMED,
    Field::required("asked", UNITS, "units asked for, or agreed to"),
    Field::required("restocked", UNITS, "units that came and went back on the shelf"),
    Field::required("quarantined", UNITS, "units that came and are looked at"),
    Field::required("scrapped", UNITS, "units that came and were thrown away"),
];

/// What an order's money can stand at.
fn money() -> &'static [&'static str] {
    const NAMES: [&str; MoneyStage::ALL.len()] = ["unpaid", "paid", "served", "over"];

    &NAMES
}
