//! The state of every SKU as the product's own fold of the journal, and the same as `earmark inspect`
//! tells it.

use std::collections::BTreeMap;

use earmark::{
    domain::{Entity, ids::EntityKey, sku::SkuState},
    partition::{
        entry::{Entry, Facts},
        record::Record,
    },
};
use serde_json::{Value, json};

use crate::streams::Stored;

/// All SKUs, by key.
pub fn skus(journal: &[Stored]) -> BTreeMap<String, SkuState> {
    let mut skus: BTreeMap<String, SkuState> = BTreeMap::new();
    for stored in journal {
        let record = Record::decode(&stored.payload).expect("the journal has records");
        for entry in &record.entries {
            let Entry::Decided(decided) = entry else { continue };
            let (EntityKey::Sku(key), Facts::Sku(facts)) = (&decided.entity, &decided.facts) else {
                continue;
            };
            let sku = skus.entry(key.to_string()).or_insert_with(|| SkuState::new(key.clone()));
            for fact in facts {
                sku.apply(fact, record.header.decided_at).expect("the journal can be folded");
            }
        }
    }
    skus.values().for_each(|sku| sku.audit().expect("the quantities add up"));
    skus
}

/// What `earmark inspect sku --json` is to say of a SKU.
pub fn told(sku: &SkuState) -> Value {
    json!({
        "revision": sku.head().revision,
        "total": sku.quantities(None),
        "locations": sku.locations(),
        "holds": sku.book().holds().count(),
        "ids_remembered": sku.memory().len(),
    })
}

/// The same, of what it did say.
pub fn said(inspected: &Value) -> Value {
    let state = &inspected["state"];
    json!({
        "revision": state["revision"],
        "total": state["total"],
        "locations": state["locations"],
        "holds": state["holds"].as_array().map(Vec::len),
        "ids_remembered": state["ids_remembered"],
    })
}
