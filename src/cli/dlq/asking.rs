//! What the commands are asked: which letters, by whom, why, and whether to do it.

use clap::Args;

use crate::{
    config::checked,
    contract::{EntityType, Severity, time},
    domain::{
        refusal::Reason,
        time::{Span, Timestamp},
    },
    error::{Exit, Failure},
    letters::Filter,
};

/// Which letters.
#[derive(Debug, Args)]
pub struct Filters {
    /// Refused for this reason code.
    #[arg(long, value_name = "CODE", value_parser = reason)]
    reason: Option<Reason>,
    /// As severe as this: page, high, medium or low.
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    severity: Option<Severity>,
    /// Of this event type, or of types that begin so (`hold.*`).
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Owned by them.
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// About a `sku` or an `order`.
    #[arg(long, value_name = "KIND", value_parser = entity)]
    entity: Option<EntityType>,
    /// About this key, as events name it in `subject`.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Given up since then: RFC 3339, or so long ago (90s, 15m, 6h, 2d).
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Given up before then, written as for --since.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl Filters {
    /// The filter, as of now.
    pub fn filter(&self, now: Timestamp) -> Result<Filter, Failure> {
        let moment = |option: &str, text: &Option<String>| {
            text.as_deref().map(|text| moment(option, text, now)).transpose()
        };
        Ok(Filter {
            reason: self.reason,
            severity: self.severity,
            kind: self.kind.clone(),
            owner: self.owner.clone(),
            entity: self.entity,
            key: self.key.clone(),
            since: moment("--since", &self.since)?,
            until: moment("--until", &self.until)?,
        })
    }
}

/// Which letters something is done with.
#[derive(Debug, Args)]
pub struct Which {
    /// Letters by their id, or by their sequence in EARMARK_DLQ. A closed one is taken, too.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    pub filters: Filters,
    /// All open ones, where neither an id nor a filter says which.
    #[arg(long, conflicts_with = "ids")]
    pub all: bool,
    /// Closed ones too.
    #[arg(long)]
    pub closed: bool,
    /// At most so many events, the first that the log took. By default dead_letters.replay_events.
    #[arg(long, value_name = "N")]
    pub max: Option<usize>,
}

impl Which {
    /// The filter; refused if nothing says which letters are meant.
    pub fn filter(&self, now: Timestamp) -> Result<Filter, Failure> {
        let filter = self.filters.filter(now)?;
        if filter.is_empty() && self.ids.is_empty() && !self.all {
            let text = "nothing says which letters are meant";
            let action = "name their ids, or filters such as --reason, or say --all";
            return Err(Failure::new(Exit::Usage, text).advise(action));
        }
        if !filter.is_empty() && !self.ids.is_empty() {
            let text = "ids and filters were given";
            return Err(Failure::new(Exit::Usage, text).advise("give the one or the other"));
        }
        Ok(filter)
    }

    /// How many events at most.
    pub fn max(&self, settings: &checked::DeadLetters) -> Result<usize, Failure> {
        let (max, most) = (self.max.unwrap_or(settings.replay_events), settings.replay_events_max);
        let key = "dead_letters.replay_events_max";
        within("--max", max as u64, most as u64, key).map(|()| max)
    }
}

/// Who does it, why, and whether at all.
#[derive(Debug, Args)]
pub struct How {
    /// Do it. Without this, what would be done is said, and nothing is changed.
    #[arg(long, visible_alias = "yes")]
    pub apply: bool,
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Who does it, for the audit trail.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl How {
    /// Who does it, and why; both are said, where anything is done.
    pub fn said(&self) -> Result<(String, String), Failure> {
        let said = |option: &str, text: &Option<String>| {
            let text = text.as_deref().map(str::trim).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| {
                let error =
                    format!("{option} is missing: the audit trail says who did what and why");
                let action = "add --by NAME --why TEXT; without --apply nothing is done";
                Failure::new(Exit::Usage, error).advise(action)
            })
        };
        Ok((said("--by", &self.by)?, said("--why", &self.why)?))
    }
}

/// Refuses what is not from 1 to a bound of the settings.
pub fn within(option: &str, found: u64, most: u64, key: &str) -> Result<(), Failure> {
    if (1..=most).contains(&found) {
        return Ok(());
    }
    let text = format!("{option}: found {found}, expected 1 to {most}");
    Err(Failure::new(Exit::Usage, text).advise(format!("ask for less, or raise {key}")))
}

fn reason(text: &str) -> Result<Reason, String> {
    let found = Reason::ALL.iter().copied().find(|reason| reason.as_str() == text);
    found.ok_or_else(|| {
        let dead = Reason::ALL.iter().filter(|reason| reason.is_dead_letter());
        let codes: Vec<&str> = dead.map(|reason| reason.as_str()).collect();
        format!("expected one of {}", codes.join(", "))
    })
}

fn severity(text: &str) -> Result<Severity, String> {
    let all = [Severity::Page, Severity::High, Severity::Medium, Severity::Low];
    let found = all.into_iter().find(|severity| severity.as_str() == text);
    found.ok_or_else(|| "expected page, high, medium or low".to_owned())
}

fn entity(text: &str) -> Result<EntityType, String> {
    let found = EntityType::ALL.into_iter().find(|entity| entity.as_str() == text);
    found.ok_or_else(|| "expected sku or order".to_owned())
}

fn moment(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let ago = units.iter().find_map(|(unit, seconds)| {
        let number: i64 = text.strip_suffix(*unit)?.parse().ok()?;
        Some(now - Span::from_secs(number.checked_mul(*seconds)?))
    });
    time::parse(text).or(ago).ok_or_else(|| {
        let error = format!("{option}: found {text:?}, expected a time, or how long ago");
        Failure::new(Exit::Usage, error).advise("write 2026-11-27T08:00:00Z, 90s, 15m, 6h or 2d")
    })
}
