//! How a SKU is sold.

use serde::{Deserialize, Serialize};

use crate::domain::event::SkuConfigured;

/// A SKU's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Units that may be promised beyond stock, per location: they wait there.
    pub backorder_limit: u32,
    /// Units that are never promised, per location.
    pub safety_stock: u32,
    /// How long a hold lasts that does not say, in seconds; configuration says where absent.
    pub hold_ttl_s: Option<u32>,
    /// Whether new holds are granted at all.
    pub sellable: bool,
    /// Whether the SKU was taken out of sale for good.
    pub retired: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            backorder_limit: 0,
            safety_stock: 0,
            hold_ttl_s: None,
            sellable: true,
            retired: false,
        }
    }
}

impl Settings {
    /// Whether new units may be promised.
    pub fn on_sale(&self) -> bool {
        self.sellable && !self.retired
    }

    /// The settings after `sku.configured`: an absent field keeps its value, and a retired SKU that
    /// is said to be sellable is sold again.
    pub(super) fn configured(self, with: &SkuConfigured) -> Settings {
        Settings {
            backorder_limit: with.backorder_limit.unwrap_or(self.backorder_limit),
            safety_stock: with.safety_stock.unwrap_or(self.safety_stock),
            hold_ttl_s: with.hold_ttl_s.or(self.hold_ttl_s),
            sellable: with.sellable.unwrap_or(self.sellable),
            retired: self.retired && with.sellable != Some(true),
        }
    }
}
