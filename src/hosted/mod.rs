//! An engine that is hosted in this process, on a clock that is set and does not run.
//!
//! Whoever hosts one sets the clock, publishes, and waits until everything has been decided to the
//! end before the next: then it does not matter which of two lanes is read first. On a server,
//! which stamps messages with its own time, [`Shifted`] stands between it and the engine.

mod clock;
mod settling;
mod shifted;

pub use clock::SetClock;
pub use settling::settled;
pub use shifted::{Shift, Shifted};
