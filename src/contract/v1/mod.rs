//! The data of each event type of contract version 1: how it is written in JSON, and its rules.
//!
//! The structs are the domain's own. Where the domain's form in the journal is not the form on the
//! wire (times, optional words, objects in lists), a private twin (`#[serde(remote)]`) says how the
//! wire spells it; the compiler checks that the twin has the same fields.

mod check;
mod hold;
mod lists;
mod order;
mod sku;
mod stock;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use super::{
    explain,
    limits::Limits,
    rejection::{Rejection, cut},
    shape::{self, Field, Together},
};
use crate::domain::time::Timestamp;

pub use check::TEXT_MAX_BYTES;
pub use sku::{ATTRIBUTE_NAME_MAX_BYTES, ATTRIBUTES_MAX};

pub(super) use sku::Nothing;

/// The most unknown fields of an event that are named.
pub const UNKNOWN_FIELDS_MAX: usize = 16;
/// The most characters of an unknown field's path that are kept.
const PATH_MAX_CHARS: usize = 128;

/// Whether data follows the rules.
type Checked = Result<(), Box<Rejection>>;

/// What is known while an event's data is read.
pub struct Context<'a> {
    /// The type's name, without its version.
    pub name: &'static str,
    /// The event's `time`.
    pub time: Timestamp,
    /// The bounds that hold.
    pub limits: &'a Limits,
    /// The paths of the fields that nobody knows.
    pub unknown: Vec<String>,
}

impl Context<'_> {
    fn note_unknown(&mut self, path: &serde_ignored::Path) {
        note_unknown(&mut self.unknown, "data", path);
    }
}

/// Notes a field that nobody knows, up to [`UNKNOWN_FIELDS_MAX`].
pub(super) fn note_unknown(unknown: &mut Vec<String>, root: &str, path: &serde_ignored::Path) {
    if unknown.len() < UNKNOWN_FIELDS_MAX {
        let mut text = root.to_owned();
        write_path(&mut text, path);
        unknown.push(cut(text.trim_start_matches('.'), PATH_MAX_CHARS));
    }
}

fn write_path(text: &mut String, path: &serde_ignored::Path) {
    use serde_ignored::Path;
    match path {
        Path::Root => {}
        Path::Seq { parent, index } => {
            write_path(text, parent);
            text.push_str(&format!("[{index}]"));
        }
        Path::Map { parent, key } => {
            write_path(text, parent);
            text.push('.');
            text.push_str(key);
        }
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => write_path(text, parent),
    }
}

/// Data of an event type, as the wire spells it.
pub trait Data: for<'de> Deserialize<'de> {
    /// Its fields; a test sees that serde reads these and no others.
    const FIELDS: &'static [Field];
    /// What they must be like together.
    const TOGETHER: &'static [Together] = &[];

    /// Reads it from an object.
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::deserialize(from)
    }

    /// Holds it to its rules.
    fn check(&self, _: &Context) -> Checked {
        Ok(())
    }
}

/// The names of the fields that are read.
pub fn names<T: Data>() -> &'static [&'static str] {
    shape::names(|asked| drop(T::read(asked)))
}

/// Reads and checks data. The second, slower reading after a failure finds out what to say about
/// it.
pub(super) fn read<T: Data>(data: &RawValue, cx: &mut Context) -> Result<T, Box<Rejection>> {
    let mut json = serde_json::Deserializer::from_str(data.get());
    let note = |path: serde_ignored::Path| cx.note_unknown(&path);
    let Ok(Object(said)) = serde_ignored::deserialize::<_, _, Object<T>>(&mut json, note) else {
        return Err(explain::data::<T>(data.get(), cx.name));
    };
    said.check(cx)?;
    Ok(said)
}

/// Data that is a JSON object, and no list of the fields' values, which serde takes for one too.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Data> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Data> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::read(MapAccessDeserializer::new(map)).map(Object)
    }
}
