//! An answer as JSON: what its owner says, or the last known value, and how sure it is.

use serde::Serialize;

use super::{
    certainty::{Certainty, Doubt, Known, Rule, Standing, Stands, Sure, certainty},
    desk::Told,
    question::{Refusal, not_served, unknown},
};
use crate::{
    contract::{availability::Shown, time},
    domain::{ids::EntityKey, time::Timestamp},
    inspecting::{
        View,
        view::{OrderView, SkuView},
    },
    ports::Partition,
};

/// What is known of a SKU, and how sure.
#[derive(Debug, Serialize)]
struct OfSku<'a> {
    sku: &'a str,
    partition: Partition,
    #[serde(flatten)]
    sure: SureAs,
    #[serde(skip_serializing_if = "Option::is_none")]
    incarnation: Option<u64>,
    #[serde(flatten)]
    known: KnownAs<'a>,
}

/// How sure it is, as it is written.
#[derive(Debug, Serialize)]
struct SureAs {
    certainty: Certainty,
    promisable: u64,
    as_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    doubt: Option<Doubt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

/// What is known: by its owner, by the last value shown, or nothing.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum KnownAs<'a> {
    Told(&'a SkuView),
    Shown(Last),
    Nothing {},
}

#[derive(Debug, Serialize)]
struct Last {
    revision: u64,
    total: crate::domain::outcome::Quantities,
}

/// What is known of an order.
#[derive(Debug, Serialize)]
struct OfOrder<'a> {
    order: &'a str,
    partition: Partition,
    /// Whether all that the log had a moment ago has been decided.
    certainty: Certainty,
    as_of: String,
    incarnation: u64,
    #[serde(flatten)]
    known: &'a OrderView,
}

impl From<Sure> for SureAs {
    fn from(sure: Sure) -> SureAs {
        SureAs {
            certainty: sure.certainty,
            promisable: sure.promisable,
            as_of: sure.as_of.map(time::format),
            doubt: sure.doubt,
            why: sure.doubt.map(Doubt::text),
        }
    }
}

/// What its owner says.
pub fn told(
    key: &EntityKey,
    partition: Partition,
    told: &Told,
    rule: &Rule,
) -> Result<Vec<u8>, Refusal> {
    let standing = Standing {
        stands: Stands::Serving,
        at: told.at,
        unread: None,
        decided_to: Some(told.decided_to),
        added_to: Some(told.added_to),
        sheds: told.sheds,
    };
    match (told.view.as_deref(), key) {
        (Some(View::Sku(view)), _) => {
            let (available, as_of) = (view.promisable, told.decided_at);
            let known = Known { available, at_least: false, as_of };
            Ok(json(&OfSku {
                sku: key.key(),
                partition,
                sure: certainty(Some(known), Some(&standing), told.at, rule).into(),
                incarnation: Some(told.position.incarnation),
                known: KnownAs::Told(view),
            }))
        }
        (Some(View::Order(view)), _) => Ok(json(&of_order(key, partition, told, view, rule))),
        (None, key) => Err(unknown(key)),
    }
}

/// An order has no floor: what its owner knows is so, and there may be more.
fn of_order<'a>(
    key: &'a EntityKey,
    partition: Partition,
    told: &Told,
    view: &'a OrderView,
    rule: &Rule,
) -> OfOrder<'a> {
    let read_to = told.decided_to.min(told.added_to);
    let (certainty, as_of) = match told.at - read_to > rule.behind {
        true => (Certainty::Floor, told.decided_at),
        false => (Certainty::Exact, read_to),
    };
    OfOrder {
        order: key.key(),
        partition,
        certainty,
        as_of: time::format(as_of),
        incarnation: told.position.incarnation,
        known: view,
    }
}

/// What can be said where its owner says nothing, for this reason.
pub fn last_known(
    key: &EntityKey,
    partition: Partition,
    shown: Option<Shown>,
    standing: Option<&Standing>,
    (now, why): (Timestamp, &str),
    rule: &Rule,
) -> Result<Vec<u8>, Refusal> {
    let EntityKey::Sku(sku) = key else { return Err(not_served(key, why)) };
    let known = shown.as_ref().map(Known::of);
    Ok(json(&OfSku {
        sku: sku.as_str(),
        partition,
        sure: certainty(known, standing, now, rule).into(),
        incarnation: shown.map(|shown| shown.incarnation),
        known: shown.map_or(KnownAs::Nothing {}, |shown| {
            KnownAs::Shown(Last { revision: shown.revision, total: shown.total })
        }),
    }))
}

fn json(answer: &impl Serialize) -> Vec<u8> {
    // Structs of texts and numbers are always JSON.
    serde_json::to_vec(answer).unwrap_or_default()
}
