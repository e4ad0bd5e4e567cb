//! One shelf of a SKU's books: what lies there, and what its counts have seen.

use earmark::domain::{
    event::{CountKind, Disposition},
    ids::LocationId,
    outcome::Quantities,
    time::Timestamp,
};

/// A shelf: what is on it, less what was taken that nobody knew of.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pub net: i64,
    /// As of when it was counted last, and what.
    last: Option<(Timestamp, CountKind)>,
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
    /// What was counted last, if that was later than this.
    pub fn counted_since(&self, time: Timestamp) -> Option<CountKind> {
        self.last.filter(|(as_of, _)| time <= *as_of).map(|(_, kind)| kind)
    }

    /// Units came or went. A count of all that is there has seen everything, one of what is for
    /// sale that alone.
    pub fn move_at(&mut self, time: Timestamp, units: i64, sale: Sale) -> bool {
        let news = match self.counted_since(time) {
            None => true,
            Some(CountKind::OnHand) => false,
            Some(CountKind::Available) => sale == Sale::No,
        };
        if news {
            self.net += units;
            self.moves.push((time, units));
        }
        news
    }

    /// Whether what is for sale was counted last: promised units were not seen.
    pub fn has_missed_promises(&self, time: Timestamp) -> bool {
        self.counted_since(time) == Some(CountKind::Available)
    }

    pub fn count(&mut self, as_of: Timestamp, quantity: u32) {
        let since = self.moves.iter().filter(|(time, _)| *time > as_of).map(|(_, units)| units);
        self.net = i64::from(quantity) + since.sum::<i64>();
        self.last = Some((as_of, CountKind::OnHand));
        let before = Timestamp(as_of.0 - 1);
        self.counted_for_sale = self.counted_for_sale.map(|mark| mark.min(before));
    }

    pub fn count_for_sale(&mut self, as_of: Timestamp, net: i64) {
        self.net = net;
        self.last = Some((as_of, CountKind::Available));
        self.counted_for_sale = Some(as_of);
    }
}

/// Where goods that came back are put.
pub fn put(disposition: Disposition) -> Sale {
    match disposition {
        Disposition::Restock => Sale::Yes,
        Disposition::Quarantine | Disposition::Scrap => Sale::No,
    }
}
