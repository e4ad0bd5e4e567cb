//! What has been written down in more than one form: the forms of earlier versions, and how they
//! are read now.
//!
//! Promise: what v0.1.0 wrote is read for ever, and an event that says no more than v0.1.0 could
//! take in is written in its form, byte for byte, so that its fingerprint is the same before and
//! after. Legs and fulfilments are written in the form of today.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    fulfilment::{Fulfilment, Parcel, Stage, Tracking},
    saga::{Goods, Hold, Leg, Movement, Sent, Shipment},
};
use crate::domain::{
    event::{
        self, CancelRequested, EditRequested, FulfilmentStep, LineUnits, OrderEvent, OrderPlaced,
        Payment, PaymentStep, ReturnStep, ShipmentTracked,
    },
    ids::{LocationId, Name, Sku},
};

/// An input of an order, as it is read. The order of the variants is the format.
#[derive(Deserialize)]
pub(crate) enum ReadOrderEvent {
    Placed(OrderPlaced),
    CancelRequested(CancelRequested),
    Payment(PaymentStep, Payment),
    FulfilmentV010(FulfilmentStep, FulfilmentEventV010),
    ShipmentTracked(ShipmentTracked),
    ReturnV010(ReturnStep, ReturnEventV010),
    Fulfilment(FulfilmentStep, event::Fulfilment),
    Return(ReturnStep, event::Return),
    EditRequested(EditRequested),
}

/// The same, as it is written.
#[derive(Serialize)]
enum WrittenOrderEvent<'a> {
    Placed(&'a OrderPlaced),
    CancelRequested(&'a CancelRequested),
    Payment(PaymentStep, &'a Payment),
    FulfilmentV010(FulfilmentStep, (&'a Name, &'a LocationId, &'a [LineUnits], &'a Option<String>)),
    ShipmentTracked(&'a ShipmentTracked),
    ReturnV010(ReturnStep, (&'a Name, &'a [LineUnits])),
    Fulfilment(FulfilmentStep, &'a event::Fulfilment),
    Return(ReturnStep, &'a event::Return),
    EditRequested(&'a EditRequested),
}

/// `fulfilment.*` as v0.1.0 knew it.
#[derive(Deserialize)]
pub(crate) struct FulfilmentEventV010 {
    fulfilment: Name,
    location: LocationId,
    lines: Vec<LineUnits>,
    tracking: Option<String>,
}

/// `return.*` as v0.1.0 knew it.
#[derive(Deserialize)]
pub(crate) struct ReturnEventV010 {
    r#return: Name,
    lines: Vec<LineUnits>,
}

impl From<ReadOrderEvent> for OrderEvent {
    fn from(stored: ReadOrderEvent) -> OrderEvent {
        use ReadOrderEvent as Read;
        match stored {
            Read::Placed(said) => OrderEvent::Placed(said),
            Read::CancelRequested(said) => OrderEvent::CancelRequested(said),
            Read::Payment(step, said) => OrderEvent::Payment(step, said),
            Read::ShipmentTracked(said) => OrderEvent::ShipmentTracked(said),
            Read::EditRequested(said) => OrderEvent::EditRequested(said),
            Read::Fulfilment(step, said) => OrderEvent::Fulfilment(step, said),
            Read::Return(step, said) => OrderEvent::Return(step, said),
            Read::FulfilmentV010(step, said) => {
                let FulfilmentEventV010 { fulfilment, location, lines, tracking } = said;
                let (reason, into) = (None, None);
                let said =
                    event::Fulfilment { fulfilment, location, lines, tracking, reason, into };
                OrderEvent::Fulfilment(step, said)
            }
            Read::ReturnV010(step, ReturnEventV010 { r#return, lines }) => {
                OrderEvent::Return(step, event::Return { r#return, lines, location: None })
            }
        }
    }
}

impl Serialize for OrderEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use WrittenOrderEvent as Written;
        let written = match self {
            OrderEvent::Placed(said) => Written::Placed(said),
            OrderEvent::CancelRequested(said) => Written::CancelRequested(said),
            OrderEvent::Payment(step, said) => Written::Payment(*step, said),
            OrderEvent::ShipmentTracked(said) => Written::ShipmentTracked(said),
            OrderEvent::EditRequested(said) => Written::EditRequested(said),
            OrderEvent::Fulfilment(step, said) => match said {
                event::Fulfilment {
                    fulfilment,
                    location,
                    lines,
                    tracking,
                    reason: None,
                    into: None,
                } => Written::FulfilmentV010(*step, (fulfilment, location, lines, tracking)),
                said => Written::Fulfilment(*step, said),
            },
            OrderEvent::Return(step, said) => match said {
                event::Return { r#return, lines, location: None } => {
                    Written::ReturnV010(*step, (r#return, lines))
                }
                said => Written::Return(*step, said),
            },
        };
        written.serialize(serializer)
    }
}

/// A leg as a snapshot of v0.1.0 has it: goods only left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegV010 {
    sku: Sku,
    location: Option<LocationId>,
    claim: Option<Name>,
    attempt: u32,
    asked: u32,
    hold: Hold,
    sent: Option<Sent>,
    unanswered_shipments: Vec<Shipment>,
    shipments: u32,
}

impl From<LegV010> for Leg {
    fn from(stored: LegV010) -> Leg {
        let left = |shipment| Movement { goods: Goods::Left, shipment };
        Leg {
            sku: stored.sku,
            location: stored.location,
            claim: stored.claim,
            attempt: stored.attempt,
            asked: stored.asked,
            hold: stored.hold,
            sent: stored.sent,
            unanswered: stored.unanswered_shipments.into_iter().map(left).collect(),
            movements: stored.shipments,
        }
    }
}

/// A fulfilment as a snapshot of v0.1.0 has it: it did not know what it had taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FulfilmentV010 {
    location: Option<LocationId>,
    stage: Stage,
    lines: BTreeMap<Name, Parcel>,
    tracking: Option<String>,
    carrier: Option<Tracking>,
    skipped: Vec<FulfilmentStep>,
}

impl From<FulfilmentV010> for Fulfilment {
    fn from(stored: FulfilmentV010) -> Fulfilment {
        let FulfilmentV010 { location, stage, lines, tracking, carrier, skipped } = stored;
        Fulfilment { location, stage, lines, tracking, carrier, skipped, ..Fulfilment::default() }
    }
}
