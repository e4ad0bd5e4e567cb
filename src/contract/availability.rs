//! What a shop may show of a SKU: the last value on its own subject.

use serde::{Deserialize, Serialize};

use super::{
    outcome::QUANTITIES,
    outgoing::json,
    shape::{Field, Shape, Whole},
    time,
};
use crate::domain::{ids::Sku, outcome::Quantities, time::Timestamp};

/// A SKU's availability as it was decided.
#[derive(Clone, Copy, Debug)]
pub struct Availability<'a> {
    /// The SKU.
    pub sku: &'a Sku,
    /// The partition's incarnation: revisions of a later one are newer.
    pub incarnation: u64,
    /// How often the SKU has changed.
    pub revision: u64,
    /// When it was decided.
    pub as_of: Timestamp,
    /// Summed over its locations.
    pub total: Quantities,
}

/// Its fields before the quantities, which stand beside them.
const HEAD: [Field; 4] = [
    Field::required("sku", Shape::Key, "the SKU"),
    Field::required("incarnation", NUMBER, "of the partition: revisions of a later one are newer"),
    Field::required("revision", NUMBER, "how often the SKU has changed"),
    Field::required("as_of", Shape::Time, "when it was decided"),
];
const NUMBER: Shape = Shape::Whole(Whole::natural(""));

/// Its fields.
pub const FIELDS: &[Field] = &{
    let mut fields = [HEAD[0]; HEAD.len() + QUANTITIES.len()];
    let mut at = 0;
    while at < fields.len() {
        fields[at] = if at < HEAD.len() { HEAD[at] } else { QUANTITIES[at - HEAD.len()] };
        at += 1;
    }
    fields
};

#[derive(Serialize, Deserialize)]
struct Body {
    sku: String,
    incarnation: u64,
    revision: u64,
    as_of: String,
    #[serde(flatten)]
    total: Quantities,
}

/// An availability as JSON.
pub fn render_availability(availability: &Availability) -> Vec<u8> {
    json(&Body {
        sku: availability.sku.to_string(),
        incarnation: availability.incarnation,
        revision: availability.revision,
        as_of: time::format(availability.as_of),
        total: availability.total,
    })
}

/// What was shown of a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The partition's incarnation.
    pub incarnation: u64,
    /// How often the SKU had changed.
    pub revision: u64,
    /// When it was decided.
    pub as_of: Timestamp,
    /// Summed over its locations.
    pub total: Quantities,
}

impl Shown {
    /// What a published availability says, if it is one.
    pub fn read(payload: &[u8]) -> Option<Shown> {
        let body: Body = serde_json::from_slice(payload).ok()?;
        let as_of = time::parse(&body.as_of)?;
        let Body { incarnation, revision, total, .. } = body;
        Some(Shown { incarnation, revision, as_of, total })
    }
}

/// Which revision a published availability is of: its incarnation, and its number there.
pub fn revision_shown(payload: &[u8]) -> Option<(u64, u64)> {
    let body: Body = serde_json::from_slice(payload).ok()?;
    Some((body.incarnation, body.revision))
}
