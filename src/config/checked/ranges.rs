//! Values take their types, in their ranges; what is not is collected.

use std::{fmt::Display, ops::RangeInclusive, time::Duration};

use crate::{config::Problem, domain::time::Span};

/// Collects what is wrong while values take their types.
#[derive(Default)]
pub struct Check {
    pub problems: Vec<Problem>,
}

impl Check {
    /// Notes a problem.
    pub fn complain(&mut self, key: &str, found: impl Display, expected: impl Display) {
        self.problems.push(Problem::new(key, found, expected));
    }

    /// A number in its range, as the type that it is needed in.
    pub fn number<T: TryFrom<u64> + Default>(
        &mut self,
        key: &str,
        value: u64,
        range: RangeInclusive<u64>,
    ) -> T {
        match T::try_from(value) {
            Ok(number) if range.contains(&value) => number,
            _ => {
                let expected = format!("a number from {} to {}", range.start(), range.end());
                self.complain(key, value, expected);
                T::default()
            }
        }
    }

    /// Seconds in their range.
    pub fn seconds(&mut self, key: &str, value: u64, range: RangeInclusive<u64>) -> Span {
        Span::from_secs(self.number(key, value, range))
    }

    /// Milliseconds in their range.
    pub fn millis(&mut self, key: &str, value: u64, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(key, value, range))
    }

    /// Notes a problem unless something holds.
    pub fn holds(&mut self, holds: bool, key: &str, found: impl Display, expected: impl Display) {
        if !holds {
            self.complain(key, found, expected);
        }
    }
}

/// A value in its range, under the key that it was written at.
macro_rules! within {
    ($check:ident.$kind:ident($raw:ident.$section:ident.$key:ident, $range:expr)) => {
        $check.$kind(
            concat!(stringify!($section), ".", stringify!($key)),
            $raw.$section.$key,
            $range,
        )
    };
}

pub(super) use within;
