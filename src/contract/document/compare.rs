//! What has changed since a released contract, and whether anybody is broken by it.
//!
//! Promise: of what comes in, whatever was taken is taken still, and means the same; of what
//! leaves, whatever was there is there still, and is no more than it was. All else is additive.
//! What was deprecated may go once its date is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use time::Date;

use super::{
    deprecated::{Deprecated, day},
    messages::Way,
    released::{Facts, LOWER, Released, Said, UPPER},
};

/// Something that breaks somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// Where, `in/hold.requested.v1 data.quantity`.
    pub place: String,
    /// What has changed.
    pub what: String,
    /// What to do instead.
    pub instead: &'static str,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.instead)
    }
}

const NEW_VERSION: &str = "give the type a new version, and serve both for the window \
    (config/contracts/README.md)";
const DEPRECATE: &str = "deprecate it with a date (src/contract/document/deprecated.rs), and serve \
    it until then";

/// All that breaks somebody who built against `before`, on this day.
pub fn breaks(before: &Released, now: &Released, today: Date) -> Vec<Break> {
    let mut found = Vec::new();
    for (way, before, now) in
        [(Way::In, &before.incoming, &now.incoming), (Way::Out, &before.outgoing, &now.outgoing)]
    {
        for (name, was) in before {
            let place = format!("{}/{name}", way.as_str());
            let mut side = Side { way, name: place, today, found: Vec::new() };
            match now.get(name) {
                Some(is) => side.compare(was, is),
                None => side.gone("", "the type is gone", was.served_until.as_deref()),
            }
            found.append(&mut side.found);
        }
    }
    found
}

/// Whether something is said to go away since a day before the release that did not yet say so.
pub fn is_backdated(before: &Released, deprecated: &Deprecated) -> bool {
    let (place, path) = deprecated.what.split_once('#').unwrap_or((deprecated.what, ""));
    let (way, name) = place.split_once('/').unwrap_or(("", place));
    let messages = if way == Way::In.as_str() { &before.incoming } else { &before.outgoing };
    let Some(said) = messages.get(name) else { return false };
    let known = match path {
        "" => said.served_until.is_some(),
        path => said.fields.get(path).is_some_and(|field| field.served_until.is_some()),
    };
    !known && day(deprecated.since) < day(&before.released)
}

/// A message that is compared.
struct Side {
    way: Way,
    name: String,
    today: Date,
    found: Vec<Break>,
}

impl Side {
    fn say(&mut self, path: &str, what: impl Into<String>) {
        self.push(path, what.into(), NEW_VERSION);
    }

    fn push(&mut self, path: &str, what: String, instead: &'static str) {
        let place = format!("{} {path}", self.name).trim_end().to_owned();
        self.found.push(Break { place, what, instead });
    }

    /// Something is not there any more: that breaks nobody once its date is over.
    fn gone(&mut self, path: &str, what: &str, served_until: Option<&str>) {
        let last = served_until.and_then(day);
        if last.is_none_or(|last| self.today <= last) {
            let until =
                served_until.map_or(String::new(), |until| format!(" before {until} is over"));
            self.push(path, format!("{what}{until}"), DEPRECATE);
        }
    }

    /// The last day on which something is served may be put off, and not brought forward.
    fn until(&mut self, path: &str, was: Option<&str>, is: Option<&str>) {
        if let (Some(was), Some(is)) = (was, is)
            && day(is) < day(was)
        {
            let what = format!("it was to be served until {was}, and is until {is}");
            self.push(path, what, "keep the day that was said");
        }
    }

    fn compare(&mut self, was: &Said, is: &Said) {
        self.until("", was.served_until.as_deref(), is.served_until.as_deref());
        if was.subject != is.subject || was.lane != is.lane {
            self.say("", format!("its subject was {:?} and is {:?}", was.subject, is.subject));
        }
        for (path, before) in &was.fields {
            match is.fields.get(path) {
                Some(now) => self.field(path, before, now),
                None if parent_is_gone(path, &is.fields) => {}
                None => self.gone(path, "the field is gone", before.served_until.as_deref()),
            }
        }
        let new = is.fields.iter().filter(|(path, _)| !was.fields.contains_key(*path));
        for (path, now) in new {
            let asked_of_old = self.way == Way::In && now.required;
            if asked_of_old && was.fields.contains_key(parent(path)) {
                self.say(path, "a field that nobody says yet is required");
            }
        }
    }

    fn field(&mut self, path: &str, was: &Facts, is: &Facts) {
        self.until(path, was.served_until.as_deref(), is.served_until.as_deref());
        self.types(path, &was.types, &is.types);
        if was.unit != is.unit {
            self.say(path, format!("its unit was {:?} and is {:?}", was.unit, is.unit));
        }
        match self.way {
            Way::In if is.required && !was.required => {
                self.say(path, "it was optional and is required");
            }
            Way::Out if was.required && !is.required => {
                self.say(path, "it was always there and need not be");
            }
            _ => {}
        }
        self.words(path, was, is);
        self.limits(path, &was.limits, &is.limits);
        self.form(path, was, is);
    }

    fn types(&mut self, path: &str, was: &BTreeSet<String>, is: &BTreeSet<String>) {
        let kept = match self.way {
            Way::In => was.is_subset(is),
            Way::Out => is.is_subset(was),
        };
        if !kept {
            self.say(path, format!("its type was {} and is {}", list(was), list(is)));
        }
    }

    fn words(&mut self, path: &str, was: &Facts, is: &Facts) {
        let (Some(before), Some(now)) = (&was.words, &is.words) else {
            let narrower = match self.way {
                Way::In => was.words.is_none() && is.words.is_some(),
                Way::Out => was.words.is_some() && is.words.is_none(),
            };
            if narrower {
                self.say(path, "whether it is one of some words has changed");
            }
            return;
        };
        for word in before.difference(now) {
            self.say(path, format!("the word {word} is gone"));
        }
        if self.way == Way::Out && !(was.open && is.open) {
            for word in now.difference(before) {
                self.say(path, format!("the word {word} is new, where words do not grow"));
            }
        }
    }

    fn limits(&mut self, path: &str, was: &BTreeMap<String, i64>, is: &BTreeMap<String, i64>) {
        let keywords = LOWER.iter().map(|k| (*k, 1)).chain(UPPER.iter().map(|k| (*k, -1)));
        for (keyword, direction) in keywords {
            // How far a limit lies inside: none lies outside of all.
            let inside = |limits: &BTreeMap<String, i64>| {
                limits.get(keyword).map_or(i128::MIN, |limit| direction * i128::from(*limit))
            };
            let broken = match self.way {
                Way::In => inside(is) > inside(was),
                Way::Out => inside(is) < inside(was),
            };
            if broken {
                let (was, is) = (said(was.get(keyword)), said(is.get(keyword)));
                self.say(path, format!("its {keyword} was {was} and is {is}"));
            }
        }
    }

    /// What else restricts a field: any change of it breaks somebody, but to loosen what comes in
    /// or to tighten what leaves.
    fn form(&mut self, path: &str, was: &Facts, is: &Facts) {
        let (tighter, looser) = match self.way {
            Way::In => (&is.form, &was.form),
            Way::Out => (&was.form, &is.form),
        };
        for (keyword, value) in tighter {
            if looser.get(keyword) != Some(value) {
                self.say(path, format!("its form ({keyword}) has changed"));
            }
        }
    }
}

fn list(words: &BTreeSet<String>) -> String {
    words.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
}

fn said(limit: Option<&i64>) -> String {
    limit.map_or_else(|| "none".to_owned(), ToString::to_string)
}

/// What a field is a field of.
fn parent(path: &str) -> &str {
    let inner = path.strip_suffix("[]").or_else(|| path.strip_suffix("{}"));
    inner.unwrap_or_else(|| path.rsplit_once('.').map_or("", |(parent, _)| parent))
}

/// Whether what a field was a field of is gone as well, which says it all.
fn parent_is_gone(path: &str, fields: &BTreeMap<String, Facts>) -> bool {
    !fields.contains_key(parent(path))
}
