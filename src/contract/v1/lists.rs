//! Words, flags and lists, read as the contract has it where serde would do otherwise.

use serde::{Deserialize, Deserializer, de::IntoDeserializer};

use super::{Data, Object};

/// Reads a word of a fixed set, written as a JSON string and not otherwise.
pub(super) fn word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    let text = String::deserialize(from)?;
    T::deserialize(text.into_deserializer())
}

/// Reads an optional word of a fixed set.
pub(super) fn optional_word<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| T::deserialize(text.into_deserializer())).transpose()
}

/// Reads true or false, where `null` is as good as not saying so.
pub(super) fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or_default())
}

/// Reads a list of objects.
pub(super) fn objects<'de, D: Deserializer<'de>, T: Data>(from: D) -> Result<Vec<T>, D::Error> {
    let objects = Vec::<Object<T>>::deserialize(from)?;
    Ok(objects.into_iter().map(|Object(data)| data).collect())
}
