//! A text that nobody is shown: it has no `Display`, and its `Debug` says nothing of it.

use std::fmt;

/// A text that is compared, and never shown.
#[derive(Clone)]
pub struct Secret(blake3::Hash);

impl Secret {
    /// Keeps what is needed to recognise a text.
    pub fn new(text: &str) -> Secret {
        Secret(blake3::hash(text.as_bytes()))
    }

    /// Is this the text? Takes as long whatever they have in common.
    pub fn is(&self, text: &[u8]) -> bool {
        // Hashes are compared in constant time, as blake3 promises.
        self.0 == blake3::hash(text)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0 == other.0
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// A text that is told to those whom it is for, and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: &str) -> Hidden {
        Hidden(text.to_owned())
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}
