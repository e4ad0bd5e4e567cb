//! `order.*`, `payment.*`, `fulfilment.*`, `shipment.*`, `return.*`: the life of an order.

use serde::{Deserialize, Deserializer};

use super::{
    Checked, Context, Data,
    check::{self, At},
    lists::{objects, optional_word, word},
};
use crate::{
    contract::{rule::Rule, time},
    domain::{
        event::{
            CancelRequested, Disposition, EditRequested, Fulfilment, LineUnits, OrderLine,
            OrderPlaced, OrderPolicy, Payment, Return, ShipmentTracked,
        },
        ids::{LocationId, Name},
        time::Timestamp,
    },
};

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
    #[serde(default)]
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

impl Data for OrderLine {}

impl Data for OrderPlaced {
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
    fn check(&self, cx: &Context) -> Checked {
        check::text(cx, "reason", &self.reason)?;
        self.lines.as_ref().map_or(Ok(()), |lines| check::lines(cx, lines.iter(), At::Item))
    }
}

impl Data for EditRequested {
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
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        LineUnitsWire::deserialize(from)
    }
}

impl Data for Fulfilment {
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
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ShipmentTrackedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::text(cx, "carrier", &self.carrier)?;
        check::text(cx, "status", &self.status)
    }
}

impl Data for Return {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        ReturnWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::line_units(cx, &self.lines)?;
        check::only_in(cx, "location", self.location.is_some(), "return.received")
    }
}
