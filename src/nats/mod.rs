//! The adapters of the ports on NATS JetStream.
//!
//! Read in this order: [`names`] (streams and subjects), [`connect`] (one connection a role),
//! [`streams`] and [`setup`] (what there must be), `api` (what is asked of the server directly),
//! `feed` and `reader` (our own pull loop, by [`settings`]), [`input`], [`journal`], [`outbox`],
//! [`leases`], `publisher`, `shelf` (archives), [`control`], [`orders`], `promotions` and [`audit`]
//! (what operators ask of a pod, order of all, and did), [`letters`] (the dead ones, for
//! operators), [`queries`].
mod api;
pub mod audit;
pub mod connect;
pub mod control;
mod cut;
pub mod depths;
mod feed;
mod holes;
mod input;
pub mod journal;
pub mod leases;
pub mod letters;
pub mod names;
pub mod orders;
pub mod outbox;
pub mod pages;
pub mod place;
mod promotions;
mod publisher;
pub mod queries;
mod reader;
pub mod reset;
pub mod settings;
pub mod setup;
mod shelf;
mod span;
pub mod streams;
mod watch;

pub use connect::{Connections, NatsSettings};
pub use depths::NatsDepths;
pub use input::NatsInput;
pub use journal::NatsJournal;
pub use leases::NatsLeases;
pub use letters::NatsLetters;
pub use outbox::NatsOutbox;
pub use publisher::{NatsPublisher, largest};
pub use queries::{NatsOthers, QueryService};
pub use settings::ReaderSettings;
pub use shelf::NatsShelf;
pub use streams::StreamSettings;
