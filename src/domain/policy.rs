//! The bounds and spans that decisions depend on, as configuration sets them.

use serde::{Deserialize, Serialize};

use super::{ids::LocationId, time::Span};

/// Which location serves a hold that names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServeFrom {
    /// The one that has most.
    #[default]
    MostStock,
    /// The first of [`Policy::location_order`] that can.
    FixedOrder,
    /// None: a hold names its location.
    RequestedOnly,
}

/// What a decision may take for granted. A decision is never repeated, so a change of policy
/// changes only what is decided after it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How old an event may be, and how long a SKU remembers ids.
    pub horizon: Span,
    /// How far clocks of publishers may differ from the log's.
    pub skew: Span,
    /// How old an order's event may be.
    pub order_horizon: Span,
    /// Ids that a SKU remembers at most of each lane, those of its open holds not counted.
    pub ids_per_sku_max: usize,
    /// Which location serves a hold that names none.
    pub serve_from: ServeFrom,
    /// The order of locations for [`ServeFrom::FixedOrder`]; those that are not listed come last.
    pub location_order: Vec<LocationId>,
    /// Locations that a SKU has at most.
    pub locations_per_sku_max: usize,
    /// Attributes that a SKU has at most.
    pub attributes_per_sku_max: usize,
    /// Holds that an order asks for at most by edits and moves, those from its placing counted in.
    pub legs_per_order_max: usize,
    /// Events that an order decides, and remembers, at most.
    pub events_per_order_max: usize,
    /// How long a hold lasts where neither the request nor the SKU says.
    pub hold_ttl: Span,
    /// The longest that a hold may last from a request or an extension.
    pub hold_ttl_max: Span,
    /// By how much an order's hold outlives its payment deadline.
    pub payment_margin: Span,
    /// How long an order may wait for its SKUs before it is rejected.
    pub saga_deadline: Span,
    /// How long an unanswered command waits before it is sent again the first time; doubles.
    pub resend_first: Span,
    /// The longest that an unanswered command waits before it is sent again.
    pub resend_max: Span,
    /// How long an event waits for what it names, in the log time of the demand lane.
    pub park_for: Span,
    /// Events that wait in one entity at most.
    pub parked_max: usize,
    /// Holds that one step of a large change touches at most.
    pub holds_per_step_max: usize,
    /// Holds that a shortfall names at most.
    pub shortfall_named_max: usize,
    /// How long a delivered order stays open before it is closed.
    pub close_after: Span,
    /// How long an order of which nothing is to be expected stays in the hot state; then a stone
    /// stays for [`Policy::order_horizon`].
    pub forget_after: Span,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            horizon: Span::from_secs(24 * 3_600),
            skew: Span::from_secs(300),
            order_horizon: Span::from_secs(400 * 24 * 3_600),
            ids_per_sku_max: 100_000,
            serve_from: ServeFrom::MostStock,
            location_order: Vec::new(),
            locations_per_sku_max: 1_000,
            attributes_per_sku_max: 64,
            legs_per_order_max: 2_000,
            events_per_order_max: 10_000,
            hold_ttl: Span::from_secs(900),
            hold_ttl_max: Span::from_secs(30 * 24 * 3_600),
            payment_margin: Span::from_secs(120),
            saga_deadline: Span::from_secs(600),
            resend_first: Span::from_secs(5),
            resend_max: Span::from_secs(60),
            park_for: Span::from_secs(3_600),
            parked_max: 64,
            holds_per_step_max: 64,
            shortfall_named_max: 50,
            close_after: Span::from_secs(30 * 24 * 3_600),
            forget_after: Span::from_secs(7 * 24 * 3_600),
        }
    }
}
