//! What is sold: some SKUs that everybody wants, many that there are enough of, some sold out.

use rand::{Rng, RngExt};

/// Units of the promoted SKUs for each shopper of the day; about four times as many are asked for.
const SCARCE: f64 = 0.15;

/// The SKUs of the day.
#[derive(Clone, Debug)]
pub struct Catalogue {
    skus: u32,
    /// Sums of Zipf's weights over the promoted SKUs.
    promoted: Vec<f64>,
    sold_out: u32,
}

impl Catalogue {
    /// A catalogue of so many SKUs, at least three: about a twentieth is promoted, a tenth sold
    /// out.
    pub fn new(skus: u32) -> Catalogue {
        let skus = skus.max(3);
        let promoted = (skus / 20).max(1);
        let mut sum = 0.0;
        let weights = (1..=promoted).map(|rank| {
            sum += f64::from(rank).recip();
            sum
        });
        Catalogue { skus, promoted: weights.collect(), sold_out: (skus / 10).max(1) }
    }

    /// How many SKUs have anything on their shelves.
    pub fn stocked(&self) -> u32 {
        self.skus - self.sold_out
    }

    /// The SKUs that have anything on their shelves, with the units there in the morning: too few
    /// of the promoted ones, and of the others more than can be asked for.
    pub fn shelves(&self, shoppers: u32) -> impl Iterator<Item = (String, u32)> {
        let total = self.promoted.last().copied().unwrap_or(1.0);
        let promoted = self.promoted.len() as u32;
        let plenty = 100 + 20 * shoppers / (self.stocked() - promoted).max(1);
        let scarce = move |rank: u32| {
            let share = f64::from(rank + 1).recip() / total;
            (f64::from(shoppers) * share * SCARCE).ceil() as u32
        };
        (0..self.stocked()).map(move |rank| match rank < promoted {
            true => (name(rank), scarce(rank)),
            false => (name(rank), plenty),
        })
    }

    /// A promoted SKU: the first ones far more often than the others.
    pub fn promoted(&self, chance: &mut impl Rng) -> String {
        let total = self.promoted.last().copied().unwrap_or(1.0);
        let at = chance.random_range(0.0..total);
        name(self.promoted.partition_point(|sum| *sum <= at) as u32)
    }

    /// A SKU that there is enough of.
    pub fn staple(&self, chance: &mut impl Rng) -> String {
        let from = self.promoted.len() as u32;
        name(chance.random_range(from..self.stocked().max(from + 1)))
    }

    /// A SKU that is sold out.
    pub fn sold_out(&self, chance: &mut impl Rng) -> String {
        name(chance.random_range(self.stocked()..self.skus))
    }
}

fn name(rank: u32) -> String {
    format!("SKU-{rank:05}")
}
