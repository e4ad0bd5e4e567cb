//! Days of the file as times of the last twelve hours.
//!
//! The file's first day begins after a day on which the stock comes, and its last day on which an
//! order is placed ends now. Within a day orders are placed in the file's order in the first half,
//! each paid soon after, and goods leave in the second half. The map is linear, so that all times
//! keep their order. What the file says to happen after its last day has not happened yet.

use std::collections::BTreeMap;

use earmark::domain::time::{Span, Timestamp};
use time::Date;

use super::retail::Order;

/// Into how much time the file is mapped. An event older than a day is stale.
const SPAN: Span = Span::from_secs(12 * 3_600);
/// Parts of a day.
const DAY: i64 = 1_000_000;
/// How long after the order it is paid for, and after that the money is taken, in parts of a day.
const PAYMENT: i64 = 2_000;

/// The map.
#[derive(Clone, Debug)]
pub struct Calendar {
    first: i32,
    days: i64,
    begin: Timestamp,
}

/// A point of the file: a day, and a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    day: i32,
    part: i64,
}

impl Point {
    /// Later by so many steps of a payment.
    pub fn payment_step(self, steps: i64) -> Point {
        Point { part: self.part + steps * PAYMENT, ..self }
    }
}

impl Calendar {
    /// The calendar of a file whose last day ends `now`; `None` of one without orders.
    pub fn of(orders: &[Order], now: Timestamp) -> Option<Calendar> {
        let placed = || orders.iter().map(|order| order.placed_on.to_julian_day());
        let (first, last) = (placed().min()? - 1, placed().max()?);
        let days = i64::from(last) - i64::from(first) + 1;
        Some(Calendar { first, days, begin: now - SPAN })
    }

    /// The time of a point.
    pub fn time(&self, at: Point) -> Timestamp {
        let parts = i64::from(at.day - self.first) * DAY + at.part;
        let micros = i128::from(parts) * i128::from(SPAN.0) / i128::from(self.days * DAY);
        self.begin + Span(i64::try_from(micros).unwrap_or(SPAN.0))
    }

    /// Has this day come yet?
    pub fn has_come(&self, day: Date) -> bool {
        i64::from(day.to_julian_day() - self.first) < self.days
    }

    /// A point of the day before the first, the `index`th of `of`.
    pub fn before_all(&self, index: usize, of: usize) -> Point {
        Point { day: self.first, part: share(index, of, DAY) }
    }
}

/// When each order was placed, in the order of the list.
pub fn placed(orders: &[Order]) -> Vec<Point> {
    spread(orders, |order| order.placed_on, 0)
}

/// When each order shipped, in the order of the list.
pub fn shipped(orders: &[Order]) -> Vec<Point> {
    spread(orders, |order| order.shipped_on, DAY / 2)
}

/// Spreads a day's orders over a good part of half a day.
fn spread(orders: &[Order], on: impl Fn(&Order) -> Date, from: i64) -> Vec<Point> {
    let mut of_day: BTreeMap<Date, usize> = BTreeMap::new();
    orders.iter().for_each(|order| *of_day.entry(on(order)).or_default() += 1);
    let mut seen: BTreeMap<Date, usize> = BTreeMap::new();
    let point = |order: &Order| {
        let day = on(order);
        let index = seen.entry(day).or_default();
        let part = from + share(*index, of_day[&day], DAY * 2 / 5);
        *index += 1;
        Point { day: day.to_julian_day(), part }
    };
    orders.iter().map(point).collect()
}

fn share(index: usize, of: usize, whole: i64) -> i64 {
    let [index, of] = [index, of.max(1)].map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    whole * index / of
}
