//! The names of things. A name that exists is well formed: its constructor is the check.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The longest key of an entity, in bytes, once percent-encoded for a subject.
pub const KEY_ENCODED_MAX_BYTES: usize = 256;
/// The longest other name (hold, owner, location, payment, fulfilment …), in bytes.
pub const NAME_MAX_BYTES: usize = 128;

/// Why a string cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// It has no characters.
    Empty,
    /// It is longer than `max` bytes (for an entity's key: once encoded).
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
        /// How long it may be, in bytes.
        max: usize,
    },
    /// It holds a control character.
    ControlCharacter,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Empty => write!(f, "an empty string"),
            BadName::TooLong { bytes, max } => {
                write!(f, "a name of {bytes} bytes, where {max} are allowed")
            }
            BadName::ControlCharacter => write!(f, "a name with a control character"),
        }
    }
}

fn check(name: &str, bytes: usize, max: usize) -> Result<(), BadName> {
    if name.is_empty() {
        return Err(BadName::Empty);
    }
    if bytes > max {
        return Err(BadName::TooLong { bytes, max });
    }
    if name.chars().any(char::is_control) {
        return Err(BadName::ControlCharacter);
    }
    Ok(())
}

/// Does this byte of a key stand for itself in a subject's token? All others are `%XX`, upper case.
pub const fn stands_for_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~')
}

/// How long a key is once percent-encoded for a subject, in bytes.
pub fn encoded_len(key: &str) -> usize {
    key.bytes().map(|b| if stands_for_itself(b) { 1 } else { 3 }).sum()
}

/// Reads a name from wherever its text stands, without a copy in between.
struct NameVisitor<T>(fn(&str) -> Result<T, BadName>);

impl<T> de::Visitor<'_> for NameVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $len:expr, $max:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name, if it is one.
            pub fn new(name: &str) -> Result<Self, BadName> {
                check(name, $len(name), $max)?;
                Ok(Self(name.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(name: String) -> Result<Self, BadName> {
                Self::new(&name)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(NameVisitor($name::new))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name!(
    /// A stock keeping unit: the key of a SKU actor.
    Sku, encoded_len, KEY_ENCODED_MAX_BYTES
);
name!(
    /// An order: the key of an order actor.
    OrderId, encoded_len, KEY_ENCODED_MAX_BYTES
);
name!(
    /// Any other name that a publisher gives: a hold, its owner, a line, a payment, a fulfilment,
    /// a return, a reference.
    Name, str::len, NAME_MAX_BYTES
);
name!(
    /// A place where stock lies.
    LocationId, str::len, NAME_MAX_BYTES
);

/// Which actor an input is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityKey {
    /// The actor of a SKU.
    Sku(Sku),
    /// The actor of an order.
    Order(OrderId),
}

impl EntityKey {
    /// `sku` or `order`: the entity's token in a subject.
    pub fn entity(&self) -> &'static str {
        match self {
            EntityKey::Sku(_) => "sku",
            EntityKey::Order(_) => "order",
        }
    }

    /// The plain key.
    pub fn key(&self) -> &str {
        match self {
            EntityKey::Sku(sku) => sku.as_str(),
            EntityKey::Order(order) => order.as_str(),
        }
    }
}

impl fmt::Display for EntityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.entity(), self.key())
    }
}

/// The name of a hold within its SKU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldName {
    /// A hold that a publisher asked for, under the publisher's name.
    Named(Name),
    /// A hold that an order asked for. The same order asks under another attempt when it asks anew.
    Order {
        /// The order.
        order: OrderId,
        /// The location its lines ask for, if they do.
        location: Option<LocationId>,
        /// The cart's hold that its line claims, if it does.
        claim: Option<Name>,
        /// The order's attempt, from 1.
        attempt: u32,
    },
}

impl fmt::Display for HoldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoldName::Named(name) => name.fmt(f),
            HoldName::Order { order, location, claim, attempt } => {
                write!(f, "order:{order}/{attempt}")?;
                location.iter().try_for_each(|location| write!(f, "@{location}"))?;
                claim.iter().try_for_each(|claim| write!(f, "<{claim}"))
            }
        }
    }
}

/// Whose a hold is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// A party that a publisher names: a cart, a draft, an order kept elsewhere.
    Named(Name),
    /// An order of Earmark's.
    Order(OrderId),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Named(name) => name.fmt(f),
            Owner::Order(order) => write!(f, "order:{order}"),
        }
    }
}

/// The idempotency key of an event: the first 128 bits of a hash of its `source` and `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventKey(pub u128);

/// What an event says, as 64 bits of a hash of its type and data: the same id with another
/// fingerprint is another event under a used name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub u64);
