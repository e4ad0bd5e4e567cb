//! Chance that is the same with every version of everything: a few lines of SplitMix64.

/// A stream of numbers that a seed and a place in it decide.
#[derive(Clone, Debug)]
pub struct Luck(u64);

impl Luck {
    /// The stream of a shop of a seed.
    pub fn of(seed: u64, shop: u64) -> Luck {
        let mut luck = Luck(seed.wrapping_mul(0xA24B_AED4_963E_E407) ^ shop);
        luck.0 = luck.next();
        luck
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below `n`; 0 where there is none.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % (n.max(1) as u64)) as usize
    }

    /// A number of units from `low` to `high`, both included.
    pub fn units(&mut self, low: u32, high: u32) -> u32 {
        low + (self.next() % u64::from(high.saturating_sub(low) + 1)) as u32
    }

    /// Whether something happens that does in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of these.
    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// One of these, each as likely as its weight says.
    pub fn weighted<T: Copy>(&mut self, of: &[(u32, T)]) -> T {
        let all: u32 = of.iter().map(|(weight, _)| weight).sum();
        let mut left = self.units(1, all.max(1));
        for (weight, what) in of {
            if left <= *weight {
                return *what;
            }
            left -= weight;
        }
        of[0].1
    }
}
