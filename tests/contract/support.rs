//! Events to start from, and files to compare with.

use std::{fs, path::PathBuf};

use earmark::contract::{Decoded, Limits, Rejection, decode};
use serde_json::{Value, json};

/// A file of the repository.
pub fn path(relative: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// The good example of a type.
pub fn good(name: &str) -> Value {
    let file = path(&format!("config/contracts/v1/{name}.good.json"));
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// The good example of a type with one place of it set to something else.
pub fn changed(name: &str, pointer: &str, to: Value) -> Value {
    let mut event = good(name);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = to,
        _ => parent[field] = to,
    }
    event
}

/// The good example of a type without one of its fields.
pub fn without(name: &str, pointer: &str) -> Value {
    let mut event = good(name);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    event
}

/// An order of so many lines.
pub fn order_of(lines: usize) -> Value {
    let line = |n| json!({"line": format!("{n}"), "sku": "MUG", "quantity": 1});
    changed("order.placed", "/data/lines", (0..lines).map(line).collect())
}

/// Reads an event that is expected to be good.
pub fn accepted(event: &Value) -> Decoded {
    decode(event.to_string().as_bytes(), &Limits::default()).unwrap_or_else(|why| panic!("{why}"))
}

/// Reads bytes that are expected to be refused.
pub fn refused_bytes(bytes: &[u8]) -> Rejection {
    *decode(bytes, &Limits::default()).expect_err("the bytes were taken")
}

/// Reads an event that is expected to be refused.
pub fn refused(event: &Value) -> Rejection {
    refused_bytes(event.to_string().as_bytes())
}

/// Compares a text with the file that says what it was; `EARMARK_BLESS=1` writes the file anew.
pub fn compare(file: &str, text: &str) {
    let file = path(&format!("tests/contract/golden/{file}"));
    if std::env::var_os("EARMARK_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(before, text, "{} says otherwise (EARMARK_BLESS=1 rewrites it)", file.display());
}
