//! Words for people beside the words of a machine: what a state, an event or a condition is called,
//! and what it means.
//!
//! Promise: the meaning that a document prints is the doc comment that a reader of the code sees;
//! it is written once.

/// Something with a name and a meaning.
pub trait Described: Copy + PartialEq + 'static {
    /// All there are; of the states of a machine, the first is where it begins.
    const ALL: &'static [Self];

    /// What it is called: an event as publishers name it, a state as `inspect` shows it.
    fn name(self) -> &'static str;

    /// What it means, in a sentence.
    fn meaning(self) -> &'static str;
}

/// The doc comment among attributes, as one text; each of its lines begins with a space.
macro_rules! doc_text {
    () => { "" };
    (#[doc = $doc:literal] $($rest:tt)*) => {
        concat!($doc, $crate::domain::described::doc_text!($($rest)*))
    };
    (#[$($other:tt)+] $($rest:tt)*) => { $crate::domain::described::doc_text!($($rest)*) };
}

/// Writes an enum whose variants have names, and takes their meanings from their doc comments.
macro_rules! described {
    ($(#[$outer:meta])* $vis:vis enum $name:ident {
        $($(#[$($attr:tt)+])+ $variant:ident = $word:literal,)*
    }) => {
        $(#[$outer])*
        $vis enum $name { $($(#[$($attr)+])+ $variant,)* }

        impl $crate::domain::described::Described for $name {
            const ALL: &'static [$name] = &[$($name::$variant,)*];

            fn name(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            fn meaning(self) -> &'static str {
                match self {
                    $($name::$variant => {
                        $crate::domain::described::doc_text!($(#[$($attr)+])+).trim_start()
                    })*
                }
            }
        }
    };
}

pub(crate) use {described, doc_text};
