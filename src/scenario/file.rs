//! The format of a scenario's file, and every complaint about one that cannot be understood: where,
//! what was found, what was expected, and what to do.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use serde_saphyr::Spanned;

use super::step::{self, Step};
use crate::error::{Exit, Failure};

/// A story that can be played.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where it was read.
    pub file: PathBuf,
    /// What it is about.
    pub name: String,
    /// What happens, in this order.
    pub steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    steps: Vec<Spanned<Written>>,
}

/// A step as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub at: Option<String>,
    pub sku: Option<String>,
    pub order: Option<String>,
    pub event: Option<String>,
    pub data: Option<Value>,
    pub id: Option<String>,
    pub source: Option<String>,
    pub time: Option<String>,
    pub expirytime: Option<String>,
    pub lane: Option<String>,
    pub raw: Option<String>,
    pub repeat: Option<String>,
    pub answer: Option<Pairs>,
    pub expect: Option<Pairs>,
}

/// A mapping in the order of the file, each key with its line.
#[derive(Debug)]
pub(super) struct Pairs(pub Vec<(u64, String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pairs, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    pairs.push((key.referenced.line(), key.value, map.next_value()?));
                }
                Ok(Pairs(pairs))
            }
        }
        from.deserialize_map(Each)
    }
}

/// Why a file cannot be understood.
#[derive(Debug)]
pub(super) struct Unclear {
    /// In which line; 0 if that is not known.
    pub line: u64,
    /// What was found, or what is wrong.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// What to do.
    pub action: String,
}

impl Unclear {
    pub fn new(found: impl Into<String>, expected: impl Into<String>, action: &str) -> Unclear {
        let (found, expected) = (found.into(), expected.into());
        Unclear { line: 0, found, expected, action: action.to_owned() }
    }

    /// In this line, unless another is known.
    pub fn at(self, line: u64) -> Unclear {
        match self.line {
            0 => Unclear { line, ..self },
            _ => self,
        }
    }
}

/// Names that are listed where one is spelled nearly like what was found.
const LISTED_MAX: usize = 20;

/// One of these names, or what is wrong with it and which one is spelled most alike.
pub(super) fn one_of<'a>(
    what: &str,
    found: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), Unclear> {
    let names: Vec<&str> = names.into_iter().collect();
    if names.contains(&found) {
        return Ok(());
    }
    let alike = |name: &&&str| strsim::damerau_levenshtein(found, name);
    let near = names.iter().min_by_key(alike).filter(|name| alike(name) * 2 <= name.len());
    let (expected, action) = match near {
        Some(near) if names.len() > LISTED_MAX => {
            (format!("one of {}, such as `{near}`", names.len()), format!("write `{near}`?"))
        }
        Some(near) => (format!("one of {}", names.join(", ")), format!("write `{near}`?")),
        None => (format!("one of {}", names.join(", ")), "write one of those".to_owned()),
    };
    Err(Unclear::new(format!("{what} `{found}`"), expected, &action))
}

impl Scenario {
    /// Reads a file.
    pub fn read(file: &Path) -> Result<Scenario, Failure> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let text = format!("{}: {error}", file.display());
            Failure::new(Exit::Usage, text).advise("name a file in YAML, or a directory of them")
        })?;
        parse(file, &text).map_err(|Unclear { line, found, expected, action }| {
            let place = match line {
                0 => file.display().to_string(),
                line => format!("{}:{line}", file.display()),
            };
            let expected = match expected.as_str() {
                "" => String::new(),
                expected => format!("; expected {expected}"),
            };
            Failure::new(Exit::Usage, format!("{place}: {found}{expected}")).advise(action)
        })
    }
}

fn parse(path: &Path, text: &str) -> Result<Scenario, Unclear> {
    let read = serde_saphyr::from_str::<File>(text);
    let file = read.map_err(|error| unreadable(&error))?;
    if file.steps.is_empty() {
        return Err(Unclear::new("no steps", "at least one", "add a step").at(1));
    }
    let mut steps: Vec<Step> = Vec::with_capacity(file.steps.len());
    for (number, written) in (1..).zip(file.steps) {
        let line = written.referenced.line();
        let step = step::understand(number, line, written.value, &steps);
        steps.push(step.map_err(|unclear| unclear.at(line))?);
    }
    Ok(Scenario { file: path.to_owned(), name: file.name, steps })
}

/// What the parser says, without its picture of the place.
fn unreadable(error: &serde_saphyr::Error) -> Unclear {
    let line = error.location().map_or(0, |place| place.line());
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.rsplit_once(" at line ").map_or(text, |(text, _)| text);
    let action = "see `earmark scenario run --help`: a scenario has `name` and `steps`; a step has \
                  `at` and `event`, `raw` or `repeat`, or `expect`";
    unknown_name(text).unwrap_or_else(|| Unclear::new(text, "", action)).at(line)
}

/// serde's complaint about a name that nobody knows, with the one that was meant.
fn unknown_name(text: &str) -> Option<Unclear> {
    let (found, known) = text.strip_prefix("unknown field `")?.split_once("`, expected ")?;
    let known = known.trim_start_matches("one of ").split([',', ' ', '`']);
    one_of("the name", found, known.filter(|name| !["", "or"].contains(name))).err()
}

/// Every scenario's file at these paths: a file as it is named, and of a directory all `*.yaml`
/// below it, sorted.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => {
                let mut below = Vec::new();
                collect(path, &mut below).map_err(|error| {
                    Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
                })?;
                if below.is_empty() {
                    let text = format!("{} has no *.yaml in it", path.display());
                    return Err(Failure::new(Exit::Usage, text).advise("name another directory"));
                }
                below.sort();
                found.extend(below);
            }
            false => found.push(path.clone()),
        }
    }
    Ok(found)
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    Ok(())
}
