//! The settings: as they are written ([`raw`]), and as the rest of the code takes them
//! ([`checked`]).
//!
//! Layers, later ones winning: `config/default.toml` (embedded), the file of `--config`, the short
//! forms EARMARK_NATS_URL and EARMARK_REDIS_URL, then EARMARK__SECTION__KEY. Whatever is wrong
//! names the key, what was found, what was expected and what to do; every problem is named at
//! once.

pub mod checked;
mod problem;
pub mod raw;

use std::{collections::HashMap, path::Path};

use config::{Config, ConfigError, Environment, File, FileFormat};

pub use self::{
    checked::{LogFormat, Settings},
    problem::{Problem, Problems},
    raw::Raw,
};

/// The built-in settings, which are also their documentation.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// Short forms: the variable, and the key that it sets.
const SHORT_FORMS: [(&str, &str); 2] =
    [("EARMARK_NATS_URL", "nats.url"), ("EARMARK_REDIS_URL", "redis.url")];
/// Keys whose variable is taken as it is written, also where it looks like a number.
const VERBATIM: [(&str, &str); 1] = [("EARMARK__HTTP__TOKEN", "http.token")];
/// Keys of which no value is ever shown.
const SECRET: [&str; 1] = ["http.token"];
/// Keys that hold a list.
const LISTS: [&str; 3] = ["contract.reply_prefixes", "outcomes.left_out", "policy.location_order"];
/// What every long form begins with.
const PREFIX: &str = "EARMARK";

/// Reads and checks the settings of this process.
pub fn load(file: Option<&Path>) -> Result<Settings, Problems> {
    load_from(file, std::env::vars().collect())
}

/// The same, with an environment that is given.
pub fn load_from(
    file: Option<&Path>,
    environment: HashMap<String, String>,
) -> Result<Settings, Problems> {
    checked::check(&read(file, environment)?)
}

fn read(file: Option<&Path>, environment: HashMap<String, String>) -> Result<Raw, Problems> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let expected = "a file in TOML that can be read";
            Problem::new("--config", format!("{}: {error}", path.display()), expected)
        })?;
        builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
    }
    builder = builder.add_source(Texts::of(&SHORT_FORMS, &environment));
    let verbatim = Texts::of(&VERBATIM, &environment);
    builder = builder.add_source(variables(environment)).add_source(verbatim);
    let config = builder.build().map_err(|error| problem("", &error))?;
    serde_path_to_error::deserialize(config).map_err(|error| {
        let key = error.path().to_string();
        Problems::from(problem(&key, error.inner()))
    })
}

fn variables(environment: HashMap<String, String>) -> Environment {
    let mut variables = Environment::with_prefix(PREFIX)
        .prefix_separator("__")
        .separator("__")
        .try_parsing(true)
        .list_separator(",");
    for list in LISTS {
        variables = variables.with_list_parse_key(list);
    }
    variables.source(Some(environment.into_iter().collect()))
}

/// Keys with their values, from a place that is neither a file nor the environment.
#[derive(Clone, Debug)]
struct Texts(Vec<(String, String)>);

impl Texts {
    fn of(keys: &[(&str, &str)], environment: &HashMap<String, String>) -> Texts {
        let text = |(variable, key): &(&str, &str)| {
            Some(((*key).to_owned(), environment.get(*variable)?.clone()))
        };
        Texts(keys.iter().filter_map(text).collect())
    }
}

impl config::Source for Texts {
    fn clone_into_box(&self) -> Box<dyn config::Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<config::Map<String, config::Value>, ConfigError> {
        let origin = "the environment".to_owned();
        let value = |text: &String| config::Value::new(Some(&origin), text.as_str());
        Ok(self.0.iter().map(|(key, text)| (key.clone(), value(text))).collect())
    }
}

/// What is wrong, from what the reader of settings says.
fn problem(path: &str, error: &ConfigError) -> Problem {
    match error {
        ConfigError::Type { unexpected, expected, key, .. } => {
            let key = if path.is_empty() { key.as_deref().unwrap_or(path) } else { path };
            match SECRET.contains(&key) {
                true => Problem::new(key, "something else", *expected),
                false => Problem::new(key, unexpected, *expected),
            }
        }
        ConfigError::At { error, .. } => problem(path, error),
        ConfigError::FileParse { cause, .. } => {
            Problem::new("--config", cause.to_string().trim(), "TOML")
        }
        other => {
            let text = other.to_string();
            unknown_key(path, &text)
                .unwrap_or_else(|| Problem::new(path, text, "a setting that can be read"))
        }
    }
}

/// `unknown field `x`, expected one of `a`, `b``, in our own words.
fn unknown_key(path: &str, text: &str) -> Option<Problem> {
    let mut quoted = text.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let found = quoted.next()?;
    let known: Vec<&str> = quoted.collect();
    let section = path.strip_suffix(found).unwrap_or(path).trim_end_matches('.');
    let key = if section.is_empty() { found.to_owned() } else { format!("{section}.{found}") };
    let expected = format!("one of the known keys: {}", known.join(", "));
    Some(Problem::new(key, "a key that does not exist", expected).remove())
}
