//! What there is of an entity, for whoever looks. From the journal: its state, folded from the
//! first record or from an archive that stands at a later one, and as JSON; no actor is asked. And
//! what is shown of one that is live: [`view`], which the actors themselves give.

mod archived;
mod fold;
mod state;
pub mod view;

pub use fold::{Found, Kept, fold, fold_all};
pub use state::state;
pub use view::View;
