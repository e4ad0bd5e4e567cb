//! What the journal has of an entity: its state, folded from the first record, and as JSON. No
//! actor and no snapshot is asked.

mod fold;
mod state;

pub use fold::{Found, fold};
pub use state::state;
