//! What there is of an entity, for whoever looks. From the journal: its state, folded from the
//! first record, and as JSON; no actor and no snapshot is asked. And what is shown of one that is
//! live: [`view`], which the actors themselves give.

mod fold;
mod state;
pub mod view;

pub use fold::{Found, fold};
pub use state::state;
pub use view::View;
