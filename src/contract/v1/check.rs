//! The rules that several types share.

use std::{collections::HashSet, fmt, ops::RangeInclusive};

use super::{Checked, Context};
use crate::{
    contract::{fields, rejection::Rejection, rule::Rule},
    domain::{
        event::{LineUnits, QUANTITY_MAX, TTL_MAX_S},
        ids::Name,
    },
};

/// The longest free text, in bytes.
pub const TEXT_MAX_BYTES: usize = 1_024;
/// Units that are moved or promised.
const UNITS: RangeInclusive<u32> = 1..=QUANTITY_MAX;
/// Units of which there may be none.
const LEVEL: RangeInclusive<u32> = 0..=QUANTITY_MAX;
/// A difference of units, which is not 0.
const DIFFERENCE: RangeInclusive<i64> = -(QUANTITY_MAX as i64)..=QUANTITY_MAX as i64;
/// A span in seconds.
const SPAN: RangeInclusive<u32> = 1..=TTL_MAX_S;
/// An amount of money: what a JSON number can say exactly everywhere.
const AMOUNT: RangeInclusive<u64> = 0..=1 << 53;

/// The same limits, as the document of the contract says them.
pub(super) mod shapes {
    use super::{AMOUNT, DIFFERENCE, LEVEL, SPAN, TEXT_MAX_BYTES, UNITS};
    use crate::contract::shape::{Shape, Whole};

    const fn counted(min: u32, max: u32, unit: &'static str) -> Shape {
        Shape::Whole(Whole::between(min as i64, max as i64, unit))
    }

    pub const UNITS_MOVED: Shape = counted(*UNITS.start(), *UNITS.end(), "units");
    pub const UNITS_THERE: Shape = counted(*LEVEL.start(), *LEVEL.end(), "units");
    pub const UNITS_MORE: Shape =
        Shape::Whole(Whole::between(*DIFFERENCE.start(), *DIFFERENCE.end(), "units").but_zero());
    pub const SECONDS: Shape = counted(*SPAN.start(), *SPAN.end(), "seconds");
    pub const MONEY: Shape = Shape::Whole(Whole::between(
        *AMOUNT.start() as i64,
        *AMOUNT.end() as i64,
        "minor units of the currency",
    ));
    pub const TEXT: Shape = Shape::Text(TEXT_MAX_BYTES);
}

/// A field of the data, or of one of its lines.
#[derive(Clone, Copy)]
pub(super) enum At {
    Data(&'static str),
    Line(usize, &'static str),
    Item(usize),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Data(field) => write!(f, "data.{field}"),
            At::Line(line, field) => write!(f, "data.lines[{line}].{field}"),
            At::Item(line) => write!(f, "data.lines[{line}]"),
        }
    }
}

/// A rejection of a field, with what is expected of it.
pub(super) fn refuse(cx: &Context, rule: Rule, at: At, found: impl fmt::Display) -> Box<Rejection> {
    let field = match at {
        At::Data(field) | At::Line(_, field) => field,
        At::Item(_) => "line",
    };
    Rejection::new(rule, &found.to_string(), fields::expected(cx.name, field)).at(at)
}

fn range<T>(cx: &Context, at: At, number: T, range: RangeInclusive<T>) -> Checked
where
    T: PartialOrd + fmt::Display,
{
    if range.contains(&number) {
        return Ok(());
    }
    Err(refuse(cx, Rule::FieldRange, at, number))
}

/// Units that are moved or promised.
pub(super) fn units(cx: &Context, at: At, quantity: u32) -> Checked {
    range(cx, at, quantity, UNITS)
}

/// Units of which there may be none.
pub(super) fn level(cx: &Context, at: At, quantity: u32) -> Checked {
    range(cx, at, quantity, LEVEL)
}

/// A difference of units.
pub(super) fn difference(cx: &Context, field: &'static str, quantity: i64) -> Checked {
    let at = At::Data(field);
    range(cx, at, quantity, DIFFERENCE)?;
    if quantity == 0 {
        return Err(refuse(cx, Rule::FieldRange, at, quantity));
    }
    Ok(())
}

/// A span in seconds.
pub(super) fn ttl(cx: &Context, field: &'static str, seconds: u32) -> Checked {
    range(cx, At::Data(field), seconds, SPAN)
}

/// An amount of money: what a JSON number can say exactly everywhere.
pub(super) fn amount(cx: &Context, field: &'static str, minor: u64) -> Checked {
    range(cx, At::Data(field), minor, AMOUNT)
}

/// Free text.
pub(super) fn text(cx: &Context, field: &'static str, text: &str) -> Checked {
    if text.len() <= TEXT_MAX_BYTES {
        return Ok(());
    }
    let found = format!("{} bytes", text.len());
    Err(refuse(cx, Rule::FieldText, At::Data(field), found))
}

/// Optional free text.
pub(super) fn optional_text(cx: &Context, field: &'static str, said: Option<&str>) -> Checked {
    said.map_or(Ok(()), |said| text(cx, field, said))
}

/// The names of lines: some, not too many, no two alike.
pub(super) fn lines<'a, I>(cx: &Context, names: I, at: fn(usize) -> At) -> Checked
where
    I: ExactSizeIterator<Item = &'a Name>,
{
    let (count, max) = (names.len(), cx.limits.order_lines_max);
    if count == 0 {
        return Err(refuse(cx, Rule::FieldEmpty, At::Data("lines"), "none"));
    }
    if count > max {
        let found = format!("{count} lines");
        return Err(Rejection::new(Rule::LinesMax, &found, format!("at most {max} lines"))
            .at(At::Data("lines")));
    }
    distinct(names, at)
}

fn distinct<'a, I>(names: I, at: fn(usize) -> At) -> Checked
where
    I: ExactSizeIterator<Item = &'a Name>,
{
    let mut seen = HashSet::with_capacity(names.len());
    for (i, name) in names.enumerate() {
        if !seen.insert(name) {
            let found = format!("{name:?} a second time");
            let expected = "a name that no line before it has";
            let rejection = Rejection::new(Rule::LinesDistinct, &found, expected);
            return Err(rejection.at(at(i)));
        }
    }
    Ok(())
}

/// Where the name of a line stands.
pub(super) fn line_name(line: usize) -> At {
    At::Line(line, "line")
}

/// Units of lines: fulfilled, or on their way back.
pub(super) fn line_units(cx: &Context, units_of: &[LineUnits]) -> Checked {
    lines(cx, units_of.iter().map(|units| &units.line), line_name)?;
    for (i, of) in units_of.iter().enumerate() {
        units(cx, At::Line(i, "quantity"), of.quantity)?;
        if of.disposition.is_some() && cx.name != "return.received" {
            let expected = "nothing: only return.received says what is done with the goods";
            let rejection = Rejection::new(Rule::FieldForbidden, "a disposition", expected);
            return Err(rejection.at(At::Line(i, "disposition")));
        }
    }
    Ok(())
}

/// A field that one type alone may have.
pub(super) fn only_in(cx: &Context, field: &'static str, said: bool, name: &str) -> Checked {
    if !said || cx.name == name {
        return Ok(());
    }
    let expected = format!("nothing: only {name} has it");
    let found = format!("a value in {}", cx.name);
    Err(Rejection::new(Rule::FieldForbidden, &found, expected).at(At::Data(field)))
}
