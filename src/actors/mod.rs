//! One actix actor per SKU and per order: thin shells that own an entity's memory.
//!
//! What is relied on of actix is pinned by tests: a handler is synchronous, so nothing comes
//! between deciding and applying; `do_send` is never used (it ignores the mailbox's bound); an
//! actor that failed is dropped and made anew by us, since actix's own supervisor does not.

mod entity;
mod hosted;
mod registry;

pub use entity::{Change, Changed, Done, EntityActor, Fold, PANICKED, Task, Work, Worked};
pub use hosted::{AnyInput, Hosted, InternalInput};
pub use registry::{Inputs, Registry, Stage, Tap};
