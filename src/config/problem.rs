//! What is wrong with the settings, in words that whoever wrote them can act on.

use std::fmt;

use serde::Serialize;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key, `section.key`.
    pub key: String,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub action: String,
}

impl Problem {
    /// A problem with a value.
    pub fn new(
        key: impl Into<String>,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Problem {
        let key = key.into();
        let action = match key.split_once('.') {
            Some(_) => {
                let variable = key.to_uppercase().replace('.', "__");
                format!("correct it in the file, or set EARMARK__{variable}")
            }
            None => "correct it".to_owned(),
        };
        Problem { key, found: found.to_string(), expected: expected.to_string(), action }
    }

    /// The same, of a key that should not be there.
    pub fn remove(self) -> Problem {
        Problem { action: "remove it, or correct its spelling".to_owned(), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { key, found, expected, action } = self;
        write!(f, "{key}: found {found}, expected {expected}; {action}")
    }
}

/// Everything that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are wrong")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}
