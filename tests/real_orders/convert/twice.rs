//! Which events are sent twice, by chance from a seed: half of them at once, half later.

use super::{Phase, event::Event};

/// Which events are sent twice.
#[derive(Clone, Copy, Debug)]
pub struct Twice {
    /// How many of a hundred.
    pub percent: f64,
    /// Another seed, other events.
    pub seed: u64,
}

impl Twice {
    /// Puts the second copies where they belong. Those at once follow the first.
    pub fn apply(&self, events: Vec<Event>) -> Phase {
        let mut phase = Phase { first: Vec::with_capacity(events.len()), again: Vec::new() };
        let mut at_once = true;
        for event in events {
            let chosen = self.chooses(&event.id);
            if chosen && at_once {
                phase.first.push(event.clone());
            } else if chosen {
                phase.again.push(event.clone());
            }
            at_once ^= chosen;
            phase.first.push(event);
        }
        phase
    }

    fn chooses(&self, id: &str) -> bool {
        const STEPS: u64 = 1_000_000;
        let part = draw(self.seed, "twice", id) % STEPS;
        (part as f64) < self.percent / 100.0 * STEPS as f64
    }
}

/// A number by chance for a purpose and an id; always the same for the same seed.
pub fn draw(seed: u64, purpose: &str, id: &str) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes()).update(purpose.as_bytes()).update(&[0]);
    hasher.update(id.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}
