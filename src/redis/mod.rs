//! The adapter of the snapshot port on Redis.
//!
//! Read in this order: [`layout`] (which keys there are), [`scripts`] (what is atomic), [`link`]
//! (the connection), [`snapshots`] (the port), `copies` (copying one, and
//! building one from an archive), [`sweep`] (what is forgotten is deleted later).
mod copies;
pub mod layout;
pub mod link;
mod reset;
pub mod scripts;
pub mod snapshots;
pub mod sweep;

pub use link::RedisSettings;
pub use snapshots::RedisSnapshots;
