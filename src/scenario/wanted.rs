//! What a step expects: how entities stand, and what was said since the expectation before.

use serde_json::Value;

use super::{
    expect::{QUANTITIES, QUARANTINED, REASONS},
    file::{Pairs, Unclear, one_of},
};
use crate::{
    domain::{
        ids::{EntityKey, LocationId, OrderId, Sku},
        outcome::Outcome,
    },
    inspecting::state,
    partition::fold::State,
};

/// What a step expects.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// How entities stand.
    pub entities: Vec<OfEntity>,
    /// All outcomes, where they matter: the kind, and the key of whoever says so.
    pub out: Option<Vec<String>>,
    /// The ids of all events that became dead letters, where they matter.
    pub dead_letters: Option<Vec<String>>,
}

/// What is expected of an entity.
#[derive(Clone, Debug)]
pub struct OfEntity {
    /// As it is written: `sku CUP@east`.
    pub name: String,
    /// Which.
    pub key: EntityKey,
    /// Where; the sum of all locations if it does not say.
    pub location: Option<LocationId>,
    /// Each value at its path.
    pub fields: Vec<(String, Value)>,
}

/// What pairs of a name and a value expect.
pub(super) fn understand(pairs: Option<Pairs>) -> Result<Wanted, Unclear> {
    let mut wanted = Wanted::default();
    for (line, name, value) in pairs.map_or_else(Vec::new, |pairs| pairs.0) {
        let understood = match name.as_str() {
            "out" => out(&value).map(|out| wanted.out = Some(out)),
            "dead_letters" => {
                texts("dead_letters", &value).map(|ids| wanted.dead_letters = Some(ids))
            }
            _ => entity(&name, value).map(|entity| wanted.entities.push(entity)),
        };
        understood.map_err(|unclear| unclear.at(line))?;
    }
    Ok(wanted)
}

fn texts(name: &str, value: &Value) -> Result<Vec<String>, Unclear> {
    let texts = value.as_array().map(|list| list.iter().map(Value::as_str).collect());
    let texts: Option<Option<Vec<&str>>> = texts;
    match texts.flatten() {
        Some(texts) => Ok(texts.into_iter().map(str::to_owned).collect()),
        None => {
            let action = "write a list, `[]` for none; a number as text, in quotes";
            Err(Unclear::new(format!("{name}: {value}"), "a list of texts", action))
        }
    }
}

fn out(value: &Value) -> Result<Vec<String>, Unclear> {
    let texts = texts("out", value)?;
    for text in &texts {
        let Some((kind, _)) = text.split_once(' ') else {
            let action = "write the key of the SKU or order behind the kind";
            let expected = "a kind and a key, like `order.reserved A`";
            return Err(Unclear::new(format!("the outcome `{text}`"), expected, action));
        };
        one_of("the outcome", kind, Outcome::KINDS)?;
    }
    Ok(texts)
}

fn entity(name: &str, value: Value) -> Result<OfEntity, Unclear> {
    let (key, location) = match name.split_once(' ') {
        Some(("sku", key)) => {
            let (key, at) = match key.rsplit_once('@') {
                Some((key, at)) => (key, Some(at)),
                None => (key, None),
            };
            (Sku::new(key).map(EntityKey::Sku), at.map(LocationId::new).transpose())
        }
        Some(("order", key)) => (OrderId::new(key).map(EntityKey::Order), Ok(None)),
        _ => {
            let expected = "`sku KEY`, `sku KEY@LOCATION`, `order KEY`, `out` or `dead_letters`";
            return Err(Unclear::new(format!("`{name}`"), expected, "write one of those"));
        }
    };
    let wrong = |why| Unclear::new(format!("{why} in `{name}`"), "a key", "correct the key");
    let (key, location) = (key.map_err(wrong)?, location.map_err(wrong)?);
    let Value::Object(fields) = value else {
        let expected = "a mapping like `{status: reserved}`";
        return Err(Unclear::new(format!("{name}: {value}"), expected, "write a mapping"));
    };
    let known = known(&key)?;
    for path in fields.keys() {
        let first = path.split('.').next().unwrap_or_default();
        one_of(&format!("what is expected of {name}:"), first, known.iter().map(String::as_str))?;
    }
    if let Some(reasons) = fields.get(REASONS).filter(|_| matches!(key, EntityKey::Order(_))) {
        texts(REASONS, reasons)?;
    }
    Ok(OfEntity { name: name.to_owned(), key, location, fields: fields.into_iter().collect() })
}

/// What can be expected of an entity: what is shown of any, and what is added here.
fn known(key: &EntityKey) -> Result<Vec<String>, Unclear> {
    let shown = state(&State::new(key)).unwrap_or_default();
    let own: &[&str] = match key {
        EntityKey::Sku(_) => &QUANTITIES,
        EntityKey::Order(_) => &[REASONS],
    };
    let own = own.iter().chain([&QUARANTINED]).map(|name| (*name).to_owned());
    Ok(own.chain(shown.as_object().into_iter().flat_map(|of| of.keys().cloned())).collect())
}
