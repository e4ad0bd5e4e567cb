//! `sku.*`: how a SKU is sold, and what it is.

use serde::Deserialize;

use super::{
    Checked, Context, Data,
    check::{
        self, At,
        shapes::{SECONDS, UNITS_THERE},
    },
};
use crate::{
    contract::{
        rejection::Rejection,
        rule::Rule,
        shape::{Field, Shape, Together},
    },
    domain::event::{SkuConfigured, SkuDescribed},
};

/// The most attributes of a SKU.
pub const ATTRIBUTES_MAX: usize = 64;
/// The longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME_MAX_BYTES: usize = 128;

/// Data that says nothing: the type says it all.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

impl Data for Nothing {
    const FIELDS: &'static [Field] = &[];
}

impl Data for SkuConfigured {
    const FIELDS: &'static [Field] = &[
        Field::optional(
            "backorder_limit",
            UNITS_THERE,
            "units to promise beyond stock, a location",
        ),
        Field::optional("safety_stock", UNITS_THERE, "units that are never promised, a location"),
        Field::optional("hold_ttl_s", SECONDS, "how long a hold lasts that does not say"),
        Field::optional("sellable", Shape::Flag, "whether new holds are granted at all"),
    ];
    const TOGETHER: &'static [Together] = &[Together::NotEmpty];

    fn check(&self, cx: &Context) -> Checked {
        if *self == SkuConfigured::default() {
            let expected = "backorder_limit, safety_stock, hold_ttl_s or sellable";
            return Err(Rejection::new(Rule::FieldEmpty, "none of its fields", expected).at("data"));
        }
        self.backorder_limit
            .map_or(Ok(()), |n| check::level(cx, At::Data("backorder_limit"), n))?;
        self.safety_stock.map_or(Ok(()), |n| check::level(cx, At::Data("safety_stock"), n))?;
        self.hold_ttl_s.map_or(Ok(()), |n| check::ttl(cx, "hold_ttl_s", n))
    }
}

impl Data for SkuDescribed {
    const FIELDS: &'static [Field] =
        &[Field::required("attributes", Shape::Attributes, "texts by name, for reports")];

    fn check(&self, cx: &Context) -> Checked {
        let refuse = |found| check::refuse(cx, Rule::FieldText, At::Data("attributes"), found);
        if self.attributes.len() > ATTRIBUTES_MAX {
            return Err(refuse(format!("{} attributes", self.attributes.len())));
        }
        let too_long = self.attributes.iter().find(|(name, value)| {
            name.len() > ATTRIBUTE_NAME_MAX_BYTES || value.len() > check::TEXT_MAX_BYTES
        });
        too_long.map_or(Ok(()), |(name, value)| {
            let (name_bytes, value_bytes) = (name.len(), value.len());
            Err(refuse(format!("a name of {name_bytes} bytes, its value {value_bytes} bytes")))
        })
    }
}
