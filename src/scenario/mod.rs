//! `earmark scenario`: a story of events and expectations, played through the real engine.
//!
//! [`file`](mod@file) reads the YAML, [`stage`] hosts the engine on a clock that is set, [`play`]
//! takes one step after another, [`expect`] compares, [`report`] and [`junit`] say what came of it.
//! What is expected is compared with the journal and with what was published, never with what an
//! actor has in memory.

pub mod expect;
pub mod file;
pub mod junit;
pub mod play;
pub mod report;
mod said;
pub mod stage;
mod step;
mod wanted;
pub mod when;

pub use file::Scenario;
pub use play::play;
pub use report::{Played, Report};
pub use stage::Home;
