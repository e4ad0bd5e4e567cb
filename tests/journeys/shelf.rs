//! One shelf of a SKU's books: what lies there, and what its counts have seen.

use earmark::domain::{event::Disposition, ids::LocationId, outcome::Quantities, time::Timestamp};

/// A shelf: what is on it, less what was taken that nobody knew of.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pub net: i64,
    /// As of when all that is there was last counted.
    counted: Option<Timestamp>,
    /// As of when what is for sale was last counted.
    pub counted_for_sale: Option<Timestamp>,
    /// What came and went, and when.
    moves: Vec<(Timestamp, i64)>,
}

/// Whether units were for sale when they came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sale {
    Yes,
    No,
}

pub fn is_at_or_before(time: Timestamp, counted: Option<Timestamp>) -> bool {
    counted.is_some_and(|counted| time <= counted)
}

/// What a SKU said of a location before a decision, and says after it.
pub struct Said<'a> {
    pub before: &'a dyn Fn(&LocationId) -> Quantities,
    pub after: &'a dyn Fn(&LocationId) -> Quantities,
}

impl Said<'_> {
    pub fn net(&self, location: &LocationId) -> i64 {
        let said = (self.after)(location);
        said.on_hand as i64 - said.overdrawn as i64
    }

    /// Whether all promises of a location were covered.
    pub fn was_covered(&self, location: &LocationId) -> bool {
        let before = (self.before)(location);
        before.short == 0 && before.backordered == 0
    }
}

impl Shelf {
    /// Units came or went. What a count has seen already changes nothing: one of all that is there
    /// sees everything, one of what is for sale sees that alone.
    pub fn move_at(&mut self, time: Timestamp, units: i64, sale: Sale) -> bool {
        let news = !is_at_or_before(time, self.counted)
            && (sale == Sale::No || !is_at_or_before(time, self.counted_for_sale));
        if news {
            self.net += units;
            self.moves.push((time, units));
        }
        news
    }

    /// Whether only a count of what is for sale was later: it has not seen promised units.
    pub fn has_missed_promises(&self, time: Timestamp) -> bool {
        !is_at_or_before(time, self.counted) && is_at_or_before(time, self.counted_for_sale)
    }

    pub fn count(&mut self, as_of: Timestamp, quantity: u32) {
        let since = self.moves.iter().filter(|(time, _)| *time > as_of).map(|(_, units)| units);
        self.net = i64::from(quantity) + since.sum::<i64>();
        self.counted = Some(as_of);
    }
}

/// Where goods that came back are put.
pub fn put(disposition: Disposition) -> Sale {
    match disposition {
        Disposition::Restock => Sale::Yes,
        Disposition::Quarantine | Disposition::Scrap => Sale::No,
    }
}
