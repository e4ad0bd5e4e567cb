//! `stock.*`: what happened to goods.

use serde::{Deserialize, Deserializer};

use super::{
    Checked, Context, Data,
    check::{
        self, At,
        shapes::{TEXT, UNITS_MORE, UNITS_MOVED, UNITS_THERE},
    },
    lists::word,
};
use crate::{
    contract::{
        rejection::Rejection,
        rule::Rule,
        shape::{Field, Shape, Together, words},
        time,
    },
    domain::{
        event::{
            CountKind, Disposition, StockAdjusted, StockCounted, StockKind, StockMoved,
            StockReceived, StockReturned, StockShipped,
        },
        ids::{LocationId, Name},
        time::Timestamp,
    },
};

const LOCATION: Field = Field::required("location", Shape::Name, "where");
const MOVED: Field = Field::required("quantity", UNITS_MOVED, "how many units");
const KIND: Shape = Shape::Word(words::<StockKind>);

#[derive(Deserialize)]
#[serde(remote = "StockCounted")]
struct StockCountedWire {
    location: LocationId,
    quantity: u32,
    #[serde(deserialize_with = "word")]
    kind: CountKind,
    #[serde(deserialize_with = "time::deserialize")]
    as_of: Timestamp,
}

#[derive(Deserialize)]
#[serde(remote = "StockMoved")]
struct StockMovedWire {
    location: LocationId,
    quantity: u32,
    #[serde(deserialize_with = "word")]
    from: StockKind,
    #[serde(deserialize_with = "word")]
    to: StockKind,
}

#[derive(Deserialize)]
#[serde(remote = "StockReturned")]
struct StockReturnedWire {
    location: LocationId,
    quantity: u32,
    reference: Name,
    #[serde(deserialize_with = "word")]
    disposition: Disposition,
}

impl Data for StockAdjusted {
    const FIELDS: &'static [Field] = &[
        LOCATION,
        Field::required("quantity", UNITS_MORE, "units found, or lost where it is below 0"),
        Field::required("reason", TEXT, "why"),
    ];

    fn check(&self, cx: &Context) -> Checked {
        check::difference(cx, "quantity", self.quantity)?;
        check::text(cx, "reason", &self.reason)
    }
}

impl Data for StockCounted {
    const FIELDS: &'static [Field] = &[
        LOCATION,
        Field::required("quantity", UNITS_THERE, "units that were counted"),
        Field::required("kind", Shape::Word(words::<CountKind>), "what was counted"),
        Field::required("as_of", Shape::Time, "when it was so; not after the event's `time`"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        StockCountedWire::deserialize(from)
    }

    /// A count ahead of its time would make all that happens before then be without effect.
    fn check(&self, cx: &Context) -> Checked {
        check::level(cx, At::Data("quantity"), self.quantity)?;
        if self.as_of <= cx.time {
            return Ok(());
        }
        let expected = format!("a time not after the event's, {}", time::format(cx.time));
        let found = time::format(self.as_of);
        Err(Rejection::new(Rule::CountPast, &found, expected).at(At::Data("as_of")))
    }
}

impl Data for StockMoved {
    const FIELDS: &'static [Field] = &[
        LOCATION,
        MOVED,
        Field::required("from", KIND, "what they were"),
        Field::required("to", KIND, "what they are, which is something else"),
    ];
    const TOGETHER: &'static [Together] = &[Together::Differ("from", "to")];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        StockMovedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::units(cx, At::Data("quantity"), self.quantity)?;
        if self.from != self.to {
            return Ok(());
        }
        let found = "the same kind as in data.from";
        Err(Rejection::new(Rule::MoveDiffers, found, "another kind than in data.from")
            .at(At::Data("to")))
    }
}

impl Data for StockShipped {
    const FIELDS: &'static [Field] = &[
        Field::required("hold", Shape::Name, "the hold; not one of an order"),
        MOVED,
        Field::required("reference", Shape::Name, "the shipper's reference"),
    ];

    fn check(&self, cx: &Context) -> Checked {
        check::units(cx, At::Data("quantity"), self.quantity)
    }
}

impl Data for StockReceived {
    const FIELDS: &'static [Field] =
        &[LOCATION, MOVED, Field::required("reference", Shape::Name, "the supplier's reference")];

    fn check(&self, cx: &Context) -> Checked {
        check::units(cx, At::Data("quantity"), self.quantity)
    }
}

impl Data for StockReturned {
    const FIELDS: &'static [Field] = &[
        LOCATION,
        MOVED,
        Field::required("reference", Shape::Name, "the return's reference"),
        Field::required("disposition", Shape::Word(words::<Disposition>), "what is done with them"),
    ];

    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        StockReturnedWire::deserialize(from)
    }

    fn check(&self, cx: &Context) -> Checked {
        check::units(cx, At::Data("quantity"), self.quantity)
    }
}
