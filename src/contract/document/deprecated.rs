//! What goes away, and when: the dates that the policy of `config/contracts/README.md` asks for.
//!
//! Promise: what stands here is served until its date at least; a test of the suite holds the
//! difference to the last released contract against it.

use time::{Date, format_description::well_known::Iso8601};

/// How long what is deprecated is served at least, in days.
pub const SERVED_DAYS_MIN: i64 = 180;

/// A type or a field that goes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deprecated {
    /// A type, `in/hold.requested.v1`, or a field, `in/hold.requested.v1#data.partial`.
    pub what: &'static str,
    /// The day since when it is said to go away, `2027-01-31`.
    pub since: &'static str,
    /// The last day on which it is served.
    pub served_until: &'static str,
    /// What to use instead.
    pub instead: &'static str,
}

/// All that goes away.
pub const DEPRECATED: &[Deprecated] = &[];

/// A day of the calendar.
pub fn day(text: &str) -> Option<Date> {
    Date::parse(text, &Iso8601::DATE).ok()
}

/// The types, `in/hold.requested.v1`, of which there is a newer version.
pub fn superseded<'a>(types: &[&'a str]) -> Vec<&'a str> {
    let is_older = |of: &&&str| {
        let newer =
            |(name, version)| parts(of).is_some_and(|(own, older)| own == name && older < version);
        types.iter().filter_map(|other| parts(other)).any(newer)
    };
    types.iter().filter(is_older).copied().collect()
}

/// A type's name and its version.
fn parts(of: &str) -> Option<(&str, u32)> {
    let (name, version) = of.rsplit_once(".v")?;
    Some((name, version.parse().ok()?))
}

impl Deprecated {
    /// What is wrong with its dates, if anything is.
    pub fn fault(&self) -> Option<String> {
        let (Some(since), Some(until)) = (day(self.since), day(self.served_until)) else {
            return Some(format!("{}: its dates are not like 2027-01-31", self.what));
        };
        let days = (until - since).whole_days();
        (days < SERVED_DAYS_MIN).then(|| {
            format!("{}: served for {days} days, {SERVED_DAYS_MIN} are the least", self.what)
        })
    }
}
