//! `hold.*`: promises to an owner.

use serde::{Deserialize, Deserializer};

use super::{
    Checked, Context, Data,
    check::{
        self, At,
        shapes::{SECONDS, TEXT, UNITS_MOVED},
    },
    lists::{flag, word},
};
use crate::{
    contract::shape::{Field, Shape, words},
    domain::{
        event::{
            HoldCommitted, HoldExtended, HoldKind, HoldReleased, HoldRequested, HoldTransferred,
        },
        ids::{LocationId, Name},
    },
};

const HOLD: Field = Field::required("hold", Shape::Name, "the hold");
const OWNER: Field = Field::required("owner", Shape::Name, "who must own it");

#[derive(Deserialize)]
#[serde(remote = "HoldRequested")]
struct HoldRequestedWire {
    hold: Name,
    owner: Name,
    #[serde(deserialize_with = "word")]
    kind: HoldKind,
    quantity: u32,
    location: Option<LocationId>,
    ttl_s: Option<u32>,
    #[serde(default, deserialize_with = "flag")]
    partial: bool,
    #[serde(default, deserialize_with = "flag")]
    backorder: bool,
}

impl Data for HoldRequested {
    const FIELDS: &'static [Field] = &[
        Field::required("hold", Shape::Name, "the hold's name, of its own within the SKU"),
        Field::required("owner", Shape::Name, "whose it is"),
        Field::required("kind", Shape::Word(words::<HoldKind>), "what it is for"),
        Field::required("quantity", UNITS_MOVED, "units to promise"),
        Field::optional("location", Shape::Name, "where, if it matters"),
        Field::optional("ttl_s", SECONDS, "for how long; else as the SKU or the settings say"),
        Field::optional("partial", Shape::Flag, "fewer units are better than none"),
        Field::optional("backorder", Shape::Flag, "units beyond stock may be promised"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        HoldRequestedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::units(cx, At::Data("quantity"), self.quantity)?;
        self.ttl_s.map_or(Ok(()), |seconds| check::ttl(cx, "ttl_s", seconds))
    }
}

impl Data for HoldExtended {
    const FIELDS: &'static [Field] =
        &[HOLD, OWNER, Field::required("ttl_s", SECONDS, "for how long from the event's log time")];

    fn check(&self, cx: &Context) -> Checked {
        check::ttl(cx, "ttl_s", self.ttl_s)
    }
}

impl Data for HoldTransferred {
    const FIELDS: &'static [Field] =
        &[HOLD, OWNER, Field::required("to_owner", Shape::Name, "who owns it afterwards")];
}

impl Data for HoldCommitted {
    const FIELDS: &'static [Field] = &[HOLD, OWNER];
}

impl Data for HoldReleased {
    const FIELDS: &'static [Field] =
        &[HOLD, OWNER, Field::optional("reason", TEXT, "why, in the publisher's words")];

    fn check(&self, cx: &Context) -> Checked {
        check::optional_text(cx, "reason", self.reason.as_deref())
    }
}
