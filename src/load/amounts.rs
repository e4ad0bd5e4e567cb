//! Numbers as people read them: with as many digits as say something, and with their unit.

/// What is written for a number that there is not.
pub const NONE: &str = "–";

/// A number with three digits that say something: `1,234`, `56.7`, `0.89`.
pub fn number(value: f64) -> String {
    let power = value.abs().max(1e-6).log10().floor();
    rounded(value, (2.0 - power).max(0.0) as usize)
}

/// A number to the ten-thousandth, for where it matters on which side of another it is.
pub fn exact(value: f64) -> String {
    rounded(value, 4)
}

fn rounded(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let whole = grouped(whole);
    match rest.trim_end_matches('0') {
        "" if whole == "0" => whole,
        "" => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}.{rest}"),
    }
}

/// So many: `12,345`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A wait in milliseconds, in the unit that suits it: `0.8 ms`, `340 ms`, `1.24 s`.
pub fn wait(ms: f64) -> String {
    if ms.abs() < 1_000.0 { with(ms, "ms") } else { with(ms / 1_000.0, "s") }
}

/// Mebibytes of so many bytes.
pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// A number with its unit; a number alone if it has none.
pub fn with(value: f64, unit: &str) -> String {
    let number = number(value);
    if unit.is_empty() || number == NONE { number } else { format!("{number} {unit}") }
}

/// Seconds as a stopwatch shows them: `0:07`, `12:30`, `1:02:03`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
