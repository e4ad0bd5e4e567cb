//! A corrected event: a payload that is given, or single fields that are set.
//!
//! Promise: `source` and `id` stay what they were, as far as the letter knows them. So a replay of
//! what was done already is answered as the first time and changes nothing.

use serde::Deserialize;
use serde_json::Value;

use super::Letter;

/// A field and its value: `data.lines[0].quantity=3`.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    path: String,
    steps: Vec<Step>,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

impl std::str::FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Set, String> {
        const EXPECTED: &str = "PATH=VALUE is expected, like data.quantity=3";
        let (path, value) = text.split_once('=').ok_or(EXPECTED)?;
        let steps = steps(path).ok_or_else(|| format!("{path:?} is no path; {EXPECTED}"))?;
        if matches!(steps.as_slice(), [Step::Field(name)] if name == "id" || name == "source") {
            return Err(format!(
                "{path} stays what it is: a replay under another is another event"
            ));
        }
        // What is no JSON is a text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        Ok(Set { path: path.to_owned(), steps, value })
    }
}

fn steps(path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    for part in path.split('.') {
        let mut pieces = part.split('[');
        let name = pieces.next().filter(|name| !name.is_empty())?;
        steps.push(Step::Field(name.to_owned()));
        for piece in pieces {
            steps.push(Step::Item(piece.strip_suffix(']')?.parse().ok()?));
        }
    }
    Some(steps)
}

impl Set {
    /// As it was said.
    pub fn said(&self) -> String {
        format!("{}={}", self.path, self.value)
    }

    fn apply(&self, event: &mut Value) -> Result<(), String> {
        let missing = || format!("{}: there is no such place in the event", self.path);
        let mut at = event;
        for step in &self.steps {
            at = match step {
                Step::Field(name) => at.as_object_mut().ok_or_else(missing)?.entry(name),
                Step::Item(index) => {
                    at = at.get_mut(index).ok_or_else(missing)?;
                    continue;
                }
            }
            .or_insert(Value::Null);
        }
        *at = self.value.clone();
        Ok(())
    }
}

/// The event with these fields set.
pub fn set(payload: &[u8], sets: &[Set]) -> Result<Vec<u8>, String> {
    let mut event: Value = serde_json::from_slice(payload).map_err(|why| {
        format!("its bytes are no JSON ({why}): give the whole event with --edit FILE")
    })?;
    sets.iter().try_for_each(|set| set.apply(&mut event))?;
    serde_json::to_vec(&event).map_err(|why| why.to_string())
}

/// What an event says of its name, whatever else is wrong with it.
#[derive(Default, Deserialize)]
struct Names {
    #[serde(default)]
    source: Value,
    #[serde(default)]
    id: Value,
}

/// Refuses another `source` or `id` than the original bytes say, or, where they say none, the
/// letter; but for the one that is none itself, under which nothing was ever decided.
pub fn keeps_its_name(
    letter: &Letter,
    original: &[u8],
    source: &str,
    id: &str,
) -> Result<(), String> {
    let said: Names = serde_json::from_slice(original).unwrap_or_default();
    let own = |said: &Value, of_letter: &Option<String>| {
        said.as_str().map(str::to_owned).or_else(|| of_letter.clone())
    };
    let pairs = [
        ("source", own(&said.source, &letter.event_source), source),
        ("id", own(&said.id, &letter.event_id), id),
    ];
    for (field, own, said) in pairs {
        let is_none = letter.rule == "envelope.identity" && letter.field.as_deref() == Some(field);
        if let Some(own) = own.filter(|own| own != said && !is_none) {
            return Err(format!(
                "{field}: found {said:?}, expected {own:?}; keep it, so that what was decided \
                 already is recognised"
            ));
        }
    }
    Ok(())
}
