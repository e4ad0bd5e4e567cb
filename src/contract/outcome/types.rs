//! The table of outcomes: who says each, when, and with which fields.
//!
//! Promise: each kind of outcome stands here with exactly the fields that it is written with; tests
//! hold every variant of the domain's [`Outcome`](crate::domain::outcome::Outcome) against it.

use crate::{
    contract::{
        shape::{Field, Shape, Whole, words},
        subject::EntityType,
    },
    domain::{event::HoldKind, refusal::Reason},
};

/// A kind of outcome.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeType {
    /// Its name without the version, `hold.granted`.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub about: &'static str,
    /// Whose outcome it is.
    pub entity: EntityType,
    /// The fields of its data.
    pub fields: &'static [Field],
}

/// The version of every outcome.
pub const OUTCOME_VERSION: u32 = 1;

const UNITS: Shape = Shape::Whole(Whole::natural("units"));
const REASON: Shape = Shape::OpenWord(words::<Reason>);

/// A SKU's quantities after the decision.
pub const QUANTITIES: &[Field] = &[
    Field::required("on_hand", UNITS, "on the shelf"),
    Field::required("available", UNITS, "may be promised"),
    Field::required("held", UNITS, "promised until a deadline"),
    Field::required("allocated", UNITS, "promised for good"),
    Field::required("unavailable", UNITS, "on the shelf and not for sale"),
    Field::required("short", UNITS, "promised and taken away by a physical fact"),
    Field::required("backordered", UNITS, "promised beyond stock on purpose"),
    Field::required("overdrawn", UNITS, "taken by physical facts beyond what was on hand"),
];

const AFTERWARDS: Field =
    Field::sometimes("quantities", Shape::Object(QUANTITIES), "of the SKU afterwards, in all");
const HOLD: Field = Field::required("hold", Shape::AnyText, "the hold; an order's is `order:…`");
const OWNER: Field = Field::required("owner", Shape::AnyText, "whose; an order is `order:ID`");
const REQUESTED: Field = Field::required("requested", UNITS, "units asked for");
const WHERE: Field = Field::required("location", Shape::Name, "where");
const BACKORDERED: Field = Field::required("backordered", UNITS, "of these, units beyond stock");
const EXPIRES: Field = Field::required("expires_at", Shape::Time, "until when");
const FULFILMENT: Field = Field::required("fulfilment", Shape::Name, "the fulfilment");
const WHY: Field = Field::required("reason", REASON, "why");
const AVAILABLE: Field =
    Field::sometimes("available", UNITS, "units that could have been had, if they are the reason");
const ABOUT: Field =
    Field::sometimes("about", Shape::Name, "the line, payment or fulfilment that is the reason");

const ALLOCATED: Field = Field::required("quantity", UNITS, "units allocated");
const GIVEN_BACK: Field = Field::required("quantity", UNITS, "units given back");

const GRANTED: &[Field] = &[
    HOLD,
    OWNER,
    Field::required("kind", Shape::OpenWord(words::<HoldKind>), "what it is for"),
    REQUESTED,
    Field::required("quantity", UNITS, "units promised"),
    BACKORDERED,
    WHERE,
    EXPIRES,
    AFTERWARDS,
];
const ENDED: &[Field] = &[HOLD, OWNER, GIVEN_BACK, AFTERWARDS];

const TOUCHED_HOLDS: &[Field] = &[HOLD, OWNER, Field::required("units", UNITS, "units of it")];
const TOUCHED: &[Field] = &[
    WHERE,
    Field::required("units", UNITS, "units in all"),
    Field::required("holds", Shape::List(TOUCHED_HOLDS), "the promises, up to a number"),
    Field::required("more", Shape::Flag, "whether there are more than are named"),
    AFTERWARDS,
];

const LINE: Field = Field::required("line", Shape::Name, "the line");
const LINE_SKU: Field = Field::required("sku", Shape::Key, "what it asked for");
const UNITS_OF_LINE: &[Field] = &[LINE, Field::required("quantity", UNITS, "units of it")];
const RESERVED_LINE: &[Field] =
    &[LINE, LINE_SKU, Field::required("quantity", UNITS, "units promised"), BACKORDERED, WHERE];
const REFUSED_LINE: &[Field] = &[LINE, LINE_SKU, WHY, AVAILABLE];

const LINES: Shape = Shape::List(UNITS_OF_LINE);
const REFUSED: Field =
    Field::required("refused", Shape::List(REFUSED_LINE), "the lines that were not, and why");
const SHIPPED: &[Field] = &[
    Field::required("fulfilment", Shape::Name, "the fulfilment that left"),
    Field::required("lines", LINES, "what left"),
    Field::required("complete", Shape::Flag, "whether nothing is left to ship"),
];

const fn of_sku(name: &'static str, about: &'static str, fields: &'static [Field]) -> OutcomeType {
    OutcomeType { name, about, entity: EntityType::Sku, fields }
}

const fn of_order(
    name: &'static str,
    about: &'static str,
    fields: &'static [Field],
) -> OutcomeType {
    OutcomeType { name, about, entity: EntityType::Order, fields }
}

/// Every kind of outcome.
pub const OUTCOME_TYPES: &[OutcomeType] = &[
    of_sku("hold.granted", "All units are promised.", GRANTED),
    of_sku("hold.partially_granted", "Some of the units are promised.", GRANTED),
    of_sku(
        "hold.rejected",
        "No units are promised.",
        &[HOLD, OWNER, REQUESTED, WHY, AVAILABLE, ABOUT, AFTERWARDS],
    ),
    of_sku("hold.extended", "A hold lasts longer.", &[HOLD, EXPIRES, AFTERWARDS]),
    of_sku(
        "hold.transferred",
        "A hold is another owner's.",
        &[
            HOLD,
            Field::required("from_owner", Shape::AnyText, "whose it was"),
            Field::required("to_owner", Shape::AnyText, "whose it is"),
            AFTERWARDS,
        ],
    ),
    of_sku("hold.committed", "A hold is an allocation now.", &[HOLD, OWNER, ALLOCATED, AFTERWARDS]),
    of_sku("hold.released", "The units of a hold are given back.", ENDED),
    of_sku("hold.expired", "A hold has passed its deadline.", ENDED),
    of_sku("stock.shortfall", "A physical fact broke promises, the newest first.", TOUCHED),
    of_sku("stock.backorder_filled", "Units came for promises beyond stock.", TOUCHED),
    of_sku("stock.shortfall_covered", "Units came for broken promises.", TOUCHED),
    of_sku("event.refused", "An event changed nothing.", &[WHY, AVAILABLE, ABOUT, AFTERWARDS]),
    of_order(
        "order.reserved",
        "Units are promised until the payment deadline.",
        &[
            Field::required("lines", Shape::List(RESERVED_LINE), "what was promised"),
            REFUSED,
            Field::required("payment_due_at", Shape::Time, "until when it must be paid"),
        ],
    ),
    of_order("order.rejected", "No units could be promised.", &[REFUSED]),
    of_order("order.confirmed", "It is paid for, and its units are allocated.", &[]),
    of_order("order.partially_shipped", "Units left, and others may.", SHIPPED),
    of_order("order.shipped", "All that is wanted has left.", SHIPPED),
    of_order("order.delivered", "All that left has arrived, and the buyer has some of it.", &[]),
    of_order(
        "order.cancelled",
        "Units were called off.",
        &[
            Field::required("lines", LINES, "what was called off"),
            Field::required("complete", Shape::Flag, "whether nothing else is left of it"),
            Field::required("reason", Shape::AnyText, "why, in somebody's words"),
        ],
    ),
    of_order("order.cancel_refused", "Nothing is called off.", &[WHY, AVAILABLE, ABOUT]),
    of_order("order.expired", "It was not paid in time.", &[]),
    of_order("order.closed", "It was delivered, and the time after it is over.", &[]),
    of_order(
        "refund.due",
        "Money was taken for goods that will not come.",
        &[
            Field::required("payment", Shape::Name, "the payment"),
            Field::required(
                "amount_minor",
                Shape::Whole(Whole::natural("minor units of the currency")),
                "the amount",
            ),
            Field::required("currency", Shape::Currency, "ISO 4217"),
            WHY,
            AVAILABLE,
            ABOUT,
        ],
    ),
    of_order(
        "shipment.cancelled",
        "What was said to have left did not.",
        &[
            FULFILMENT,
            Field::required("lines", LINES, "what did not leave"),
            Field::required("complete", Shape::Flag, "whether nothing else is left of it"),
        ],
    ),
    of_order(
        "order.returned",
        "Goods came back.",
        &[
            Field::required("return", Shape::Name, "the return"),
            Field::required("lines", LINES, "what came"),
            Field::required("complete", Shape::Flag, "whether all of the return has come"),
        ],
    ),
    of_order(
        "order.edited",
        "Lines have other quantities now.",
        &[Field::required("lines", LINES, "units of each that may still ship")],
    ),
    of_order("order.edit_refused", "What was asked for cannot be had.", &[REFUSED]),
    of_order(
        "fulfilment.moved",
        "Its units are held where it is now.",
        &[FULFILMENT, Field::required("lines", LINES, "which units")],
    ),
    of_order(
        "fulfilment.not_moved",
        "Where it is now its units cannot be held.",
        &[FULFILMENT, WHY, AVAILABLE, ABOUT],
    ),
];
