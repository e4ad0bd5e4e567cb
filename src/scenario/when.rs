//! Points in time as a scenario writes them: RFC 3339, or relative to another.

use crate::{
    contract::time,
    domain::time::{Span, Timestamp},
};

/// What a point in time is expected to be.
pub const EXPECTED: &str = "a time in RFC 3339 like \"2026-11-27T10:00:00Z\", or one relative to \
     the step before like +90s, +15m, +2h, +1d12h";

/// The point in time that a text names. `base` is what a relative one is relative to.
pub fn parse(text: &str, base: Option<Timestamp>) -> Option<Timestamp> {
    match text.strip_prefix('+') {
        Some(ahead) => Some(base? + span(ahead)?),
        None => match text.strip_prefix('-') {
            Some(back) => Some(base? - span(back)?),
            None => time::parse(text),
        },
    }
}

/// `1d12h`: numbers, each with its unit.
fn span(text: &str) -> Option<Span> {
    let mut rest = text;
    let mut sum = 0_i64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let seconds = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(seconds)?)?;
        rest = &unit[1..];
    }
    (!text.is_empty()).then_some(Span::from_secs(sum))
}
