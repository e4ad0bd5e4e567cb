//! An entity's state as JSON.

use serde_json::{Value, json};

use crate::{
    contract::time,
    domain::sku::{SkuState, hold::Hold},
    partition::fold::State,
};

/// The state as JSON.
pub fn state(state: &State) -> serde_json::Result<Value> {
    match state {
        State::Sku(sku) => sku_state(sku),
        State::Order(order) => Ok(json!({
            "status": order.status(),
            "order": serde_json::to_value(order.order())?,
            "stone": order.stone(),
            "parked": order.parked().len(),
        })),
    }
}

fn sku_state(sku: &SkuState) -> serde_json::Result<Value> {
    let holds: Vec<Value> = sku.book().holds().map(hold_state).collect();
    Ok(json!({
        "revision": sku.head().revision,
        "settings": serde_json::to_value(sku.settings())?,
        "attributes": sku.attributes(),
        "total": sku.quantities(None),
        "availability": serde_json::to_value(sku.availability())?,
        "locations": serde_json::to_value(sku.locations())?,
        "holds": holds,
        "parked": sku.parking().len(),
        "ids_remembered": sku.memory().len(),
    }))
}

fn hold_state(hold: &Hold) -> Value {
    json!({
        "hold": hold.name.to_string(),
        "owner": hold.owner.to_string(),
        "kind": hold.kind,
        "location": hold.location,
        "requested": hold.requested,
        "units": hold.units,
        "committed": hold.is_committed(),
        "expires_at": hold.expires_at().map(time::format),
    })
}
