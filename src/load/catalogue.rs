//! What is sold in a load test, and which of it is asked for.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Zipf};

use super::plan;

/// The SKUs of a run.
pub struct Catalogue {
    of: plan::Catalogue,
    prefix: String,
    /// By rank, of those that are not promoted.
    ranks: Option<Zipf<f64>>,
}

impl Catalogue {
    /// SKUs whose keys begin with `prefix`.
    pub fn new(of: &plan::Catalogue, prefix: &str) -> Catalogue {
        let others = of.skus - of.hot_skus;
        let ranks = Zipf::new(f64::from(others), of.skew).ok().filter(|_| others > 0);
        Catalogue { of: of.clone(), prefix: prefix.to_owned(), ranks }
    }

    /// All of them.
    pub fn all(&self) -> std::ops::Range<u32> {
        0..self.of.skus
    }

    /// The key of one.
    pub fn key(&self, sku: u32) -> String {
        format!("{}{sku:05}", self.prefix)
    }

    /// Units of one at the beginning.
    pub fn stock(&self, sku: u32) -> u32 {
        if self.is_hot(sku) { self.of.hot_stock } else { self.of.stock }
    }

    /// Whether it is promoted.
    pub fn is_hot(&self, sku: u32) -> bool {
        sku < self.of.hot_skus
    }

    /// What somebody who comes at this time asks for.
    pub fn wanted(&self, at_s: f64, chance: &mut impl Rng) -> u32 {
        let promoted = at_s >= self.of.hot_from_s && chance.random_bool(self.of.hot_share);
        match &self.ranks {
            Some(ranks) if !promoted => self.of.hot_skus + ranks.sample(chance) as u32 - 1,
            _ => chance.random_range(0..self.of.hot_skus.max(1)),
        }
    }
}
