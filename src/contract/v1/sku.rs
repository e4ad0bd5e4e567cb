//! `sku.*`: how a SKU is sold, and what it is.

use serde::Deserialize;

use super::{
    Checked, Context, Data,
    check::{self, At},
};
use crate::{
    contract::{rejection::Rejection, rule::Rule},
    domain::event::{SkuConfigured, SkuDescribed},
};

/// The most attributes of a SKU.
pub const ATTRIBUTES_MAX: usize = 64;
/// The longest name of an attribute, in bytes.
pub const ATTRIBUTE_NAME_MAX_BYTES: usize = 128;

/// Data that says nothing: the type says it all.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

impl Data for Nothing {}

impl Data for SkuConfigured {
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
