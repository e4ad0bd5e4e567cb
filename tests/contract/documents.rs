//! The copy under `config/contracts` is what the tables say, and its parts fit each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use earmark::{
    config,
    contract::{
        EVENT_TYPES, EntityType, Limits, Severity,
        document::{
            File, advice, asyncapi, files, lifecycle,
            machine::{Follows, Machine, machines},
            messages::{DEAD_LETTER_SUBJECT, messages},
        },
        subject::dead_letter_subject,
    },
    domain::{
        described::Described,
        order::{fulfilment::Stage, returns::ReturnStage, status::OrderStatus},
        refusal::Reason,
    },
};
use serde_json::{Value, json};

use crate::support::path;

const REFRESH: &str = "run `make contracts`, or `cargo run -- contracts write config/contracts`";

fn generated() -> BTreeMap<String, String> {
    files(&Limits::default()).into_iter().map(|File { path, text }| (path, text)).collect()
}

#[test]
fn the_copy_is_what_the_tables_say() {
    for (file, text) in generated() {
        let there = fs::read_to_string(path("config/contracts").join(&file)).unwrap_or_default();
        assert!(there == text, "config/contracts/{file} says otherwise: {REFRESH}");
    }
}

#[test]
fn there_are_no_other_schemas() {
    let generated = generated();
    for way in ["in", "out"] {
        for file in fs::read_dir(path("config/contracts/schema").join(way)).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let known = generated.contains_key(&format!("schema/{way}/{name}"));
            assert!(known, "config/contracts/schema/{way}/{name} is of no type: delete it");
        }
    }
    // Two documents, the outcomes, and the answers, availability, dead letters.
    assert_eq!(generated.len(), 2 + EVENT_TYPES.len() + 29 + 5);
}

#[test]
fn the_limits_of_the_copy_are_those_of_the_shipped_settings() {
    assert_eq!(config::load(None).unwrap().limits, Limits::default());
}

/// Every state and event, by their names.
fn pairs(machine: &Machine) -> impl Iterator<Item = (&'static str, &'static str)> {
    let states = machine.states.iter();
    states.flat_map(|state| machine.events.iter().map(|event| (state.name, event.name)))
}

#[test]
fn every_state_and_event_is_decided_in_the_page() {
    for machine in machines() {
        for (state, event) in pairs(&machine) {
            let rows = machine.rows_for(state, event);
            assert!(rows.last().is_some_and(|row| row.given.is_none()), "{state} + {event}");
        }
    }
}

#[test]
fn events_are_called_as_publishers_call_them() {
    for machine in machines() {
        for event in &machine.events {
            let is_it = |name: &str| match event.name.strip_suffix('*') {
                Some(begin) => name.starts_with(begin),
                None => name == event.name,
            };
            let by_itself = event.name == "deadline";
            let known = by_itself || EVENT_TYPES.iter().any(|of| is_it(of.name));
            assert!(known, "{} of the {} is published by nobody", event.name, machine.name);
        }
    }
}

#[test]
fn states_are_called_as_they_are_shown() {
    let shown = |state: Value, name: &str| assert_eq!(state, name);
    Stage::ALL.iter().for_each(|stage| shown(json!(stage), stage.name()));
    ReturnStage::ALL.iter().for_each(|stage| shown(json!(stage), stage.name()));
    OrderStatus::ALL.iter().for_each(|status| shown(json!(status), status.name()));
    assert_eq!(Stage::ALL[0], Stage::default());
    assert_eq!(ReturnStage::ALL[0], ReturnStage::default());
}

#[test]
fn every_word_means_something() {
    let page = lifecycle::page();
    for machine in machines() {
        let words = machine.states.iter().chain(&machine.events).chain(&machine.conditions);
        for word in words {
            assert!(word.meaning.ends_with('.') && !word.meaning.contains("  "), "{word:?}");
            assert!(page.contains(&format!("| `{}` | {} |", word.name, word.meaning)));
        }
    }
}

#[test]
fn every_code_says_what_it_means_and_what_to_do() {
    let codes = advice::codes();
    assert_eq!(codes.len(), Reason::ALL.len());
    for code in &codes {
        assert!(code.meaning.ends_with('.'), "{}", code.code);
        assert!(!code.actions.is_empty(), "{}", code.code);
    }
    for code in machines().iter().flat_map(Machine::codes) {
        assert!(codes.iter().any(|known| known.code == code));
    }
}

#[test]
fn diagrams_have_an_arrow_for_each_state_that_is_gone_to() {
    for machine in machines() {
        let diagram = lifecycle::diagram(&machine);
        for (state, event) in pairs(&machine) {
            for row in machine.rows_for(state, event) {
                let to = match row.then {
                    Follows::Goes(to) => to,
                    Follows::Stays => state,
                    _ => continue,
                };
                let arrow = format!("    {state} --> {to} : ");
                let line = diagram.lines().find(|line| line.starts_with(&arrow));
                assert!(line.is_some_and(|line| line.contains(event)), "{arrow}{event}");
            }
        }
    }
}

/// What a line of a state diagram may be; Mermaid ends a label at `;` and takes `:` for its begin.
#[test]
fn diagrams_are_mermaid() {
    let reserved = ["state", "note", "end", "direction", "class", "classDef", "style", "scale"];
    let is_name = |name: &str| {
        name == "[*]"
            || !reserved.contains(&name)
                && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    for machine in machines() {
        let diagram = lifecycle::diagram(&machine);
        let mut lines = diagram.lines();
        assert_eq!(lines.next(), Some("stateDiagram-v2"));
        for line in lines {
            let (arrow, label) = line.split_once(" : ").unwrap_or((line, ""));
            let (from, to) = arrow.trim().split_once(" --> ").expect("an arrow");
            assert!(is_name(from) && is_name(to), "{line}");
            assert!(!label.contains([':', ';', '#', '"', '<']), "{line}");
        }
    }
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|inner| references(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| references(inner, found)),
        _ => {}
    }
}

fn api() -> Value {
    asyncapi::document(&messages(&Limits::default()), &Limits::default())
}

#[test]
fn references_of_the_asyncapi_document_resolve() {
    let (api, generated) = (api(), generated());
    let mut found = Vec::new();
    references(&api, &mut found);
    let messages = messages(&Limits::default()).len();
    assert!(found.len() > 2 * messages, "each is in a channel, and has a schema");
    for reference in found {
        let resolves = match reference.strip_prefix('#') {
            Some(pointer) => api.pointer(pointer).is_some(),
            None => generated.contains_key(reference.strip_prefix("./").unwrap()),
        };
        assert!(resolves, "{reference}");
    }
}

#[test]
fn channels_of_the_asyncapi_document_are_whole() {
    let api = api();
    let mut said = BTreeSet::new();
    for (name, channel) in api["channels"].as_object().unwrap() {
        let messages = channel["messages"].as_object().unwrap();
        assert!(!messages.is_empty(), "{name}");
        said.extend(messages.keys().cloned());
        let address = channel["address"].as_str().unwrap_or_default();
        let parameters = channel["parameters"].as_object();
        let parameters: Vec<&String> =
            parameters.into_iter().flatten().map(|(name, _)| name).collect();
        assert_eq!(address.matches('{').count(), parameters.len(), "{name}");
        assert!(parameters.iter().all(|name| address.contains(&format!("{{{name}}}"))), "{name}");
    }
    let known: BTreeSet<String> =
        api["components"]["messages"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(said, known);
}

#[test]
fn operations_of_the_asyncapi_document_go_the_right_way() {
    let api = api();
    let operations = api["operations"].as_object().unwrap();
    assert_eq!(operations.len(), api["channels"].as_object().unwrap().len());
    for (name, operation) in operations {
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        let comes_in = channel.starts_with("#/channels/in.");
        assert_eq!(operation["action"], if comes_in { "receive" } else { "send" }, "{name}");
        assert_eq!(operation.get("reply").is_some(), comes_in, "{name}");
    }
}

#[test]
fn dead_letters_go_where_the_document_says() {
    let subject =
        dead_letter_subject(Severity::High, Reason::Stale, Some(EntityType::Sku), Some("MUG"));
    let said = DEAD_LETTER_SUBJECT
        .replace("{severity}", "high")
        .replace("{reason}", "stale")
        .replace("{entity}", "sku")
        .replace("{key}", "MUG");
    assert_eq!(subject, said);
}
