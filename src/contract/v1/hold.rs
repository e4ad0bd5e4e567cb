//! `hold.*`: promises to an owner.

use serde::{Deserialize, Deserializer};

use super::{
    Checked, Context, Data,
    check::{self, At},
    lists::word,
};
use crate::domain::{
    event::{HoldCommitted, HoldExtended, HoldKind, HoldReleased, HoldRequested, HoldTransferred},
    ids::{LocationId, Name},
};

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
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    backorder: bool,
}

impl Data for HoldRequested {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        HoldRequestedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::units(cx, At::Data("quantity"), self.quantity)?;
        self.ttl_s.map_or(Ok(()), |seconds| check::ttl(cx, "ttl_s", seconds))
    }
}

impl Data for HoldExtended {
    fn check(&self, cx: &Context) -> Checked {
        check::ttl(cx, "ttl_s", self.ttl_s)
    }
}

impl Data for HoldTransferred {}

impl Data for HoldCommitted {}

impl Data for HoldReleased {
    fn check(&self, cx: &Context) -> Checked {
        check::optional_text(cx, "reason", self.reason.as_deref())
    }
}
