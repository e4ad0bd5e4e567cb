//! Reads the table of dead letters, and names whatever is wrong with it: the row, the field, what
//! was found and what was expected.

use config::{Config, File, FileFormat};
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};

use super::{Catalogue, Cost, Kinds, Replay, Row, SHIPPED};
use crate::{
    contract::{EVENT_TYPES, Severity, shape::words},
    domain::{event::Lane, refusal::Reason},
};

/// The longest name of an owner.
pub const OWNER_MAX_BYTES: usize = 64;
/// The longest text of whom to call.
pub const ESCALATION_MAX_CHARS: usize = 200;
/// What an hour may cost at most, in minor units.
const COST_MAX: u64 = 1_000_000_000_000;

/// Something that is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The row and the field.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    #[serde(default)]
    rows: Vec<RawRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRow {
    #[serde(default = "any")]
    reason: String,
    #[serde(default = "any")]
    r#type: String,
    #[serde(default = "any")]
    lane: String,
    severity: Option<String>,
    owner: Option<String>,
    escalation: Option<String>,
    replay: Option<String>,
    cost_per_hour_minor: Option<u64>,
    currency: Option<String>,
}

fn any() -> String {
    "*".to_owned()
}

/// The built-in rows with those of a text laid over them, or everything that is wrong.
pub fn over_shipped(own: Option<&str>) -> Result<Catalogue, Vec<Wrong>> {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for text in [Some(SHIPPED), own].into_iter().flatten() {
        match table(text) {
            Ok(table) => {
                let numbered = (1..).zip(&table.rows);
                rows.extend(numbered.map(|(number, raw)| row(number, raw, &mut problems)));
            }
            Err(wrong) => problems.push(wrong),
        }
    }
    match problems.is_empty() {
        true => Ok(Catalogue { rows }),
        false => Err(problems),
    }
}

fn table(text: &str) -> Result<RawTable, Wrong> {
    let wrong = |place: String, found: String, expected: &str| Wrong {
        place,
        found: found.trim().to_owned(),
        expected: expected.to_owned(),
    };
    let read = Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build();
    let read = read.map_err(|error| wrong("the table".into(), error.to_string(), "TOML"))?;
    serde_path_to_error::deserialize(read).map_err(|error| {
        let place = place(&error.path().to_string());
        wrong(place, error.inner().to_string(), "rows with the fields of config/dead-letters.toml")
    })
}

/// `rows[3].owner` in words.
fn place(path: &str) -> String {
    let number = path.split(['[', ']']).nth(1).and_then(|number| number.parse::<usize>().ok());
    let field = path.rsplit_once('.').map_or("", |(_, field)| field);
    match number {
        Some(number) => format!("row {}: {field}", number + 1).trim_end_matches(": ").to_owned(),
        None => "the table".to_owned(),
    }
}

/// Checks the fields of a row, and collects what is wrong.
struct Check<'a> {
    row: String,
    problems: &'a mut Vec<Wrong>,
}

impl Check<'_> {
    fn complain(&mut self, field: &str, found: impl std::fmt::Debug, expected: impl Into<String>) {
        let place = format!("{}: {field}", self.row);
        let (found, expected) = (format!("{found:?}"), expected.into());
        self.problems.push(Wrong { place, found, expected });
    }

    fn word<T: Deserialize<'static>>(&mut self, field: &str, said: &str) -> Option<T> {
        let text = IntoDeserializer::<value::Error>::into_deserializer(said.to_owned());
        let word = T::deserialize(text).ok();
        if word.is_none() {
            let also = if matches!(field, "reason" | "lane") { "`*`, " } else { "" };
            self.complain(field, said, format!("{also}{}", words::<T>().join(", ")));
        }
        word
    }

    fn any_or<T: Deserialize<'static>>(&mut self, field: &str, said: &str) -> Option<T> {
        if said == "*" { None } else { self.word(field, said) }
    }

    fn kinds(&mut self, said: &str) -> Kinds {
        let kinds = match said.strip_suffix('*') {
            Some("") => Kinds::Any,
            Some(begin) => Kinds::Begin(begin.to_owned()),
            None => Kinds::One(said.to_owned()),
        };
        let known = EVENT_TYPES.iter().any(|known| kinds.fit(Some(known.kind)).is_some());
        if !known {
            self.complain("type", said, "`*`, a type like hold.requested.v1, or hold.*");
        }
        kinds
    }

    fn owner(&mut self, said: &str) -> String {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (1..=OWNER_MAX_BYTES).contains(&said.len());
        if !fits || !said.bytes().all(|byte| plain(byte) || b"-_".contains(&byte)) {
            let expected = format!("1 to {OWNER_MAX_BYTES} of a to z, 0 to 9, - and _");
            self.complain("owner", said, expected);
        }
        said.to_owned()
    }

    fn escalation(&mut self, said: &str) -> String {
        let characters = said.chars().count();
        if characters > ESCALATION_MAX_CHARS || said.chars().any(char::is_control) {
            let expected = format!("a line of at most {ESCALATION_MAX_CHARS} characters");
            self.complain("escalation", said, expected);
        }
        said.to_owned()
    }

    fn cost(&mut self, minor: Option<u64>, currency: Option<&str>) -> Option<Cost> {
        let (minor, currency) = match (minor, currency) {
            (Some(minor), Some(currency)) => (minor, currency),
            (None, None) => return None,
            (Some(_), None) => {
                self.complain("currency", "nothing", "a currency, like EUR");
                return None;
            }
            (None, Some(_)) => {
                self.complain("cost_per_hour_minor", "nothing", "a number of minor units");
                return None;
            }
        };
        if minor > COST_MAX {
            self.complain("cost_per_hour_minor", minor, format!("0 to {COST_MAX}"));
        }
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            self.complain("currency", currency, "three capital letters, like EUR");
        }
        Some(Cost { minor, currency: currency.to_owned() })
    }
}

fn row(number: usize, raw: &RawRow, problems: &mut Vec<Wrong>) -> Row {
    let RawRow { reason, r#type: kind, lane, .. } = raw;
    let name = format!("row {number} (reason {reason}, type {kind}, lane {lane})");
    let mut check = Check { row: name, problems };
    Row {
        reason: check.any_or::<Reason>("reason", reason),
        kinds: check.kinds(kind),
        lane: check.any_or::<Lane>("lane", lane),
        severity: raw.severity.as_deref().and_then(|said| check.word::<Severity>("severity", said)),
        owner: raw.owner.as_deref().map(|said| check.owner(said)),
        escalation: raw.escalation.as_deref().map(|said| check.escalation(said)),
        replay: raw.replay.as_deref().and_then(|said| check.word::<Replay>("replay", said)),
        cost: check.cost(raw.cost_per_hour_minor, raw.currency.as_deref()),
    }
}
