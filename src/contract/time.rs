//! Time on the wire: RFC 3339 text to and from [`Timestamp`].
//!
//! Any offset is read; what is written is UTC (`Z`) with as many decimals as it takes, at most six.
//! Digits beyond a microsecond are dropped when read.

use serde::{Deserialize, Deserializer, de::Error};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::domain::time::Timestamp;

/// The last point in time that RFC 3339 can write: the end of the year 9999.
const LAST_MICROS: i64 = 253_402_300_799_999_999;
/// The first point in time that is written: the begin of the year 0.
const FIRST_MICROS: i64 = -62_167_219_200_000_000;
/// What a field of time is expected to be.
const EXPECTED: &str = "a time in RFC 3339, like 2026-01-31T12:00:00Z";

/// The point in time that an RFC 3339 text names.
pub fn parse(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000)).ok().map(Timestamp)
}

/// A point in time as RFC 3339; what lies outside the years 0 to 9999 is written as their end.
pub fn format(time: Timestamp) -> String {
    let micros = time.0.clamp(FIRST_MICROS, LAST_MICROS);
    let (second, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    // There is a date for every second that is left.
    let date = OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = String::with_capacity("2026-01-31T12:00:00.123456Z".len());
    digits::<4>(&mut text, date.year().unsigned_abs());
    for (mark, number) in [
        ('-', u8::from(date.month())),
        ('-', date.day()),
        ('T', date.hour()),
        (':', date.minute()),
        (':', date.second()),
    ] {
        text.push(mark);
        digits::<2>(&mut text, number.into());
    }
    if fraction > 0 {
        text.push('.');
        digits::<6>(&mut text, fraction as u32);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

/// Appends a number of at most so many digits, with zeros in front. Several times in every answer,
/// so without a formatter's generality.
fn digits<const N: usize>(text: &mut String, mut number: u32) {
    let mut digits = ['0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = char::from(b'0' + (number % 10) as u8);
        number /= 10;
    }
    text.extend(digits);
}

/// Reads a field of time, for `#[serde(deserialize_with)]`.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| D::Error::custom(EXPECTED))
}

/// Reads an optional field of time, for `#[serde(default, deserialize_with)]`.
pub(super) fn deserialize_option<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| parse(&text).ok_or_else(|| D::Error::custom(EXPECTED))).transpose()
}
