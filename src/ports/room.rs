//! How much room a log has left.

/// What a log that has a bound begins to let go of at, as a share of it.
const FULL: f64 = 0.8;

/// How much a log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// So many bytes.
    pub bytes: u64,
    /// The most that it may hold, if there is a bound.
    pub bytes_max: Option<u64>,
}

impl Room {
    /// How full it is, from 0 to 1, if there is a bound.
    pub fn fullness(self) -> Option<f64> {
        self.bytes_max.map(|max| self.bytes as f64 / max.max(1) as f64)
    }

    /// How many bytes it holds beyond four fifths of its bound. So much is let go whatever its age:
    /// a log that is full takes nothing.
    pub fn lacks(self) -> u64 {
        let enough = |max: u64| (max as f64 * FULL) as u64;
        self.bytes_max.map_or(0, |max| self.bytes.saturating_sub(enough(max)))
    }
}
