//! `order.*`, `payment.*`, `fulfilment.*`, `shipment.*`, `return.*`: the life of an order.

use serde::{Deserialize, Deserializer};

use super::{
    Checked, Context, Data,
    check::{
        self, At,
        shapes::{MONEY, SECONDS, TEXT, UNITS_MOVED, UNITS_THERE},
    },
    lists::{flag, objects, optional_word, word},
};
use crate::{
    contract::{
        rule::Rule,
        shape::{Field, Shape, words},
        time,
    },
    domain::{
        event::{
            CancelRequested, Disposition, EditRequested, Fulfilment, LineUnits, OrderLine,
            OrderPlaced, OrderPolicy, Payment, Return, ShipmentTracked,
        },
        ids::{LocationId, Name},
        time::Timestamp,
    },
};

const LINE: Field = Field::required("line", Shape::Name, "the line's name within the order");
const SKU: Field = Field::required("sku", Shape::Key, "what is ordered");
const LOCATION: Field = Field::optional("location", Shape::Name, "from where, if it matters");
const HOLD: Field =
    Field::optional("hold", Shape::Name, "the cart's or draft's hold that the line takes over");
const UNITS_OF_LINES: Field =
    Field::required("lines", Shape::Lines(LineUnits::FIELDS), "what of the order");

/// A line as it is to be from now on: of no units where it is taken out.
pub(super) const EDITED_LINE: &[Field] = &[
    LINE,
    SKU,
    Field::required("quantity", UNITS_THERE, "units from now on; 0 takes the line out"),
    LOCATION,
    HOLD,
];

#[derive(Deserialize)]
#[serde(remote = "OrderPlaced")]
struct OrderPlacedWire {
    #[serde(deserialize_with = "objects")]
    lines: Vec<OrderLine>,
    #[serde(deserialize_with = "word")]
    policy: OrderPolicy,
    payment_due_s: u32,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    cancel_until: Option<Timestamp>,
    #[serde(default, deserialize_with = "flag")]
    backorder: bool,
}

#[derive(Deserialize)]
#[serde(remote = "EditRequested")]
struct EditRequestedWire {
    #[serde(deserialize_with = "objects")]
    lines: Vec<OrderLine>,
}

#[derive(Deserialize)]
#[serde(remote = "LineUnits")]
struct LineUnitsWire {
    line: Name,
    quantity: u32,
    #[serde(default, deserialize_with = "optional_word")]
    disposition: Option<Disposition>,
}

#[derive(Deserialize)]
#[serde(remote = "Fulfilment")]
struct FulfilmentWire {
    fulfilment: Name,
    location: LocationId,
    #[serde(deserialize_with = "objects")]
    lines: Vec<LineUnits>,
    tracking: Option<String>,
    reason: Option<String>,
    into: Option<Name>,
}

#[derive(Deserialize)]
#[serde(remote = "ShipmentTracked")]
struct ShipmentTrackedWire {
    fulfilment: Name,
    carrier: String,
    status: String,
    #[serde(deserialize_with = "time::deserialize")]
    at: Timestamp,
}

#[derive(Deserialize)]
#[serde(remote = "Return")]
struct ReturnWire {
    r#return: Name,
    #[serde(deserialize_with = "objects")]
    lines: Vec<LineUnits>,
    location: Option<LocationId>,
}

impl Data for OrderLine {
    const FIELDS: &'static [Field] =
        &[LINE, SKU, Field::required("quantity", UNITS_MOVED, "units"), LOCATION, HOLD];
}

impl Data for OrderPlaced {
    const FIELDS: &'static [Field] = &[
        Field::required("lines", Shape::Lines(OrderLine::FIELDS), "what is ordered"),
        Field::required("policy", Shape::Word(words::<OrderPolicy>), "if a line cannot be served"),
        Field::required("payment_due_s", SECONDS, "how long payment may take from the log time"),
        Field::optional(
            "cancel_until",
            Shape::Time,
            "until when it may be cancelled; else till it ships",
        ),
        Field::optional("backorder", Shape::Flag, "lines may take units beyond stock"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        OrderPlacedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::ttl(cx, "payment_due_s", self.payment_due_s)?;
        check::lines(cx, self.lines.iter().map(|line| &line.line), check::line_name)?;
        let mut lines = self.lines.iter().enumerate();
        lines.try_for_each(|(i, line)| check::units(cx, At::Line(i, "quantity"), line.quantity))
    }
}

impl Data for CancelRequested {
    const FIELDS: &'static [Field] = &[
        Field::required("reason", TEXT, "why"),
        Field::optional("lines", Shape::LineNames, "which lines; else all that have not shipped"),
    ];

    fn check(&self, cx: &Context) -> Checked {
        check::text(cx, "reason", &self.reason)?;
        self.lines.as_ref().map_or(Ok(()), |lines| check::lines(cx, lines.iter(), At::Item))
    }
}

impl Data for EditRequested {
    const FIELDS: &'static [Field] =
        &[Field::required("lines", Shape::Lines(EDITED_LINE), "the lines that change")];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        EditRequestedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::lines(cx, self.lines.iter().map(|line| &line.line), check::line_name)?;
        let mut lines = self.lines.iter().enumerate();
        lines.try_for_each(|(i, line)| check::level(cx, At::Line(i, "quantity"), line.quantity))
    }
}

impl Data for Payment {
    const FIELDS: &'static [Field] = &[
        Field::required("payment", Shape::Name, "the payment"),
        Field::required("amount_minor", MONEY, "the amount"),
        Field::required("currency", Shape::Currency, "ISO 4217"),
    ];

    fn check(&self, cx: &Context) -> Checked {
        check::amount(cx, "amount_minor", self.amount_minor)?;
        let currency = self.currency.as_bytes();
        if currency.len() == 3 && currency.iter().all(u8::is_ascii_uppercase) {
            return Ok(());
        }
        let found = format!("{:?}", self.currency);
        Err(check::refuse(cx, Rule::FieldText, At::Data("currency"), found))
    }
}

impl Data for LineUnits {
    const FIELDS: &'static [Field] = &[
        Field::required("line", Shape::Name, "the line"),
        Field::required("quantity", UNITS_MOVED, "units of it"),
        Field::optional("disposition", Shape::Word(words::<Disposition>), "what is done with them")
            .only_in("return.received"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        LineUnitsWire::deserialize(from)
    }
}

impl Data for Fulfilment {
    const FIELDS: &'static [Field] = &[
        Field::required("fulfilment", Shape::Name, "the fulfilment"),
        Field::required("location", Shape::Name, "where"),
        UNITS_OF_LINES,
        Field::optional("tracking", TEXT, "the carrier's number"),
        Field::optional("reason", TEXT, "why it is held, short-picked or cancelled"),
        Field::optional("into", Shape::Name, "the fulfilment that takes the lines over")
            .only_in("fulfilment.split"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        FulfilmentWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::line_units(cx, &self.lines)?;
        check::optional_text(cx, "tracking", self.tracking.as_deref())?;
        check::optional_text(cx, "reason", self.reason.as_deref())?;
        check::only_in(cx, "into", self.into.is_some(), "fulfilment.split")
    }
}

impl Data for ShipmentTracked {
    const FIELDS: &'static [Field] = &[
        Field::required("fulfilment", Shape::Name, "the fulfilment"),
        Field::required("carrier", TEXT, "the carrier"),
        Field::required("status", TEXT, "the carrier's own status"),
        Field::required("at", Shape::Time, "when the carrier saw it"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ShipmentTrackedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::text(cx, "carrier", &self.carrier)?;
        check::text(cx, "status", &self.status)
    }
}

impl Data for Return {
    const FIELDS: &'static [Field] = &[
        Field::required("return", Shape::Name, "the return"),
        UNITS_OF_LINES,
        Field::optional("location", Shape::Name, "where the goods came; else where they left from")
            .only_in("return.received"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ReturnWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::line_units(cx, &self.lines)?;
        check::only_in(cx, "location", self.location.is_some(), "return.received")
    }
}
