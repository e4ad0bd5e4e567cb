//! What leaves fits its schema, which names its fields and no others.

use std::collections::BTreeSet;

use earmark::{
    contract::{
        CauseRef, Limits, Rule, Severity,
        dead_letter::OWNERS,
        document::{
            asked,
            messages::{Message, Way, messages},
            samples,
        },
        outcome::{OUTCOME_TYPES, OutcomeEvent, render_outcome},
        shape::words,
    },
    domain::{
        described::Described, ids::EntityKey, order::payment::MoneyStage, outcome::Outcome,
        refusal::Reason, time::Timestamp,
    },
};
use serde_json::{Value, json};

use crate::{schemas::validator, support::refused};

fn leaving() -> Vec<Message> {
    messages(&Limits::default()).into_iter().filter(|said| said.way == Way::Out).collect()
}

fn leaving_as(name: &str) -> Message {
    leaving().into_iter().find(|said| said.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The same outcome with as much, or as little, as its refusals can say.
fn with_refusals(outcome: &Outcome, available: Value, about: Value) -> Outcome {
    let mut said = serde_json::to_value(outcome).unwrap();
    set_refusals(&mut said, &available, &about);
    serde_json::from_value(said).unwrap()
}

fn set_refusals(said: &mut Value, available: &Value, about: &Value) {
    match said {
        Value::Object(fields) => {
            if fields.contains_key("reason") && fields.contains_key("available") {
                fields["available"] = available.clone();
                fields["about"] = about.clone();
            }
            fields.values_mut().for_each(|inner| set_refusals(inner, available, about));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|inner| set_refusals(inner, available, about));
        }
        _ => {}
    }
}

fn without_more(key: &EntityKey, outcome: &Outcome) -> Value {
    let (id, time, cause, quantities) = ("1", Timestamp(0), None::<CauseRef>, None);
    let event = OutcomeEvent { id, key, time, cause, outcome, quantities };
    serde_json::from_slice(&render_outcome(&event)).unwrap()
}

fn paths_of(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let path = format!("{at}.{name}");
                found.insert(path.clone());
                paths_of(inner, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|inner| paths_of(inner, at, found)),
        _ => {}
    }
}

/// The paths that a schema knows; where it is asked for, only those that must be there.
fn paths_in(schema: &Value, at: &str, only_required: bool, found: &mut BTreeSet<String>) {
    if schema["items"].is_object() {
        return paths_in(&schema["items"], at, only_required, found);
    }
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if !only_required || required.contains(&json!(name)) {
            let path = format!("{at}.{name}");
            found.insert(path.clone());
            paths_in(inner, &path, only_required, found);
        }
    }
}

fn is_named_exactly(message: &Message, fullest: &[Value], barest: &[Value]) {
    let schema = validator(&message.schema);
    let paths = |said: &Value| {
        let mut found = BTreeSet::new();
        paths_of(said, "", &mut found);
        found
    };
    let (mut known, mut required) = (BTreeSet::new(), BTreeSet::new());
    paths_in(&message.schema, "", false, &mut known);
    paths_in(&message.schema, "", true, &mut required);
    let all = || fullest.iter().chain(barest);
    for said in all() {
        let errors: Vec<String> = schema.iter_errors(said).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}: {said}", message.name);
    }
    let ever: BTreeSet<String> = all().flat_map(paths).collect();
    assert_eq!(ever, known, "{}: the fields that are said, and those of its schema", message.name);
    // Of an object that is always said and may be `null`: what is said of it wherever it is not.
    let of_all: Vec<BTreeSet<String>> = all().map(paths).collect();
    let mut always = BTreeSet::new();
    for path in &ever {
        let (parent, _) = path.rsplit_once('.').unwrap();
        let within = format!("{parent}.");
        let mut with_parent =
            of_all.iter().filter(|said| said.iter().any(|p| p.starts_with(&within)));
        let is_said = parent.is_empty() || always.contains(parent);
        if is_said && with_parent.all(|said| said.contains(path)) {
            always.insert(path.clone());
        }
    }
    assert_eq!(always, required, "{}: the fields that are always said", message.name);
}

#[test]
fn every_kind_of_outcome_has_a_schema_and_no_other_has() {
    let kinds: BTreeSet<&str> = Outcome::KINDS.into_iter().collect();
    let said: BTreeSet<&str> = OUTCOME_TYPES.iter().map(|of| of.name).collect();
    assert_eq!(kinds, said);
    assert_eq!(OUTCOME_TYPES.len(), Outcome::KINDS.len());
    let samples: BTreeSet<&str> = samples::outcomes().iter().map(|(_, said)| said.kind()).collect();
    assert_eq!(kinds, samples);
}

#[test]
fn outcomes_have_the_fields_of_their_schemas() {
    for (key, outcome) in samples::outcomes() {
        let message = leaving_as(&format!("{}.v1", outcome.kind()));
        assert_eq!(message.entity.unwrap().as_str(), key.entity());
        let full = samples::rendered(&key, &with_refusals(&outcome, json!(3), json!("1")));
        let bare = without_more(&key, &with_refusals(&outcome, Value::Null, Value::Null));
        is_named_exactly(&message, &[full], &[bare]);
    }
}

#[test]
fn answers_have_the_fields_of_their_schema() {
    let message = leaving_as("answer.v1");
    let nobody = earmark::contract::answer::render_rejection_answer(
        "1",
        Timestamp(0),
        &refused(&json!([1])),
    );
    let nobody: Value = serde_json::from_slice(&nobody).unwrap();
    is_named_exactly(&message, &samples::answers(), &[nobody]);
    let said: BTreeSet<String> = samples::answers()
        .iter()
        .map(|answer| answer["data"]["status"].as_str().unwrap().to_owned())
        .collect();
    let words = &message.schema["properties"]["data"]["properties"]["status"]["x-words"];
    let words: BTreeSet<String> = serde_json::from_value(words.clone()).unwrap();
    assert_eq!(said, words);
}

#[test]
fn availability_and_dead_letters_have_the_fields_of_their_schemas() {
    let shown = samples::availability();
    is_named_exactly(&leaving_as("availability"), &[shown], &[]);
    is_named_exactly(&leaving_as("dead_letter"), &samples::dead_letters(), &[]);
}

#[test]
fn answers_to_questions_have_the_fields_of_their_schemas() {
    is_named_exactly(&leaving_as("sku_answer"), &asked::about_skus(), &[]);
    is_named_exactly(&leaving_as("order_answer"), &asked::about_orders(), &[]);
    let message = leaving_as("order_answer");
    let said = message.schema["properties"]["payment"]["x-words"].as_array().unwrap();
    let money: Vec<&str> = MoneyStage::ALL.iter().map(|stage| stage.name()).collect();
    assert_eq!(said.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>(), money);
}

#[test]
fn the_words_are_those_of_the_code() {
    let of = |codes: Vec<&'static str>| codes;
    assert_eq!(words::<Reason>(), of(Reason::ALL.iter().map(|r| r.as_str()).collect()));
    assert_eq!(words::<Rule>(), of(Rule::ALL.iter().map(|r| r.as_str()).collect()));
    assert_eq!(words::<Severity>(), ["page", "high", "medium", "low"]);
    let message = leaving_as("dead_letter");
    let owners: BTreeSet<&str> = OWNERS.iter().copied().collect();
    let said = message.schema["properties"]["owner"]["x-words"].as_array().unwrap();
    assert_eq!(owners, said.iter().map(|word| word.as_str().unwrap()).collect());
}
