//! The adapters of the ports on NATS JetStream.
//!
//! Read in this order: [`names`] (streams and subjects), [`connect`] (one connection a role),
//! [`streams`] and [`setup`] (what there must be), `api` (what is asked of the server directly),
//! `feed` and `reader` (our own pull loop, by [`settings`]), [`input`], [`journal`], [`outbox`],
//! `publisher`, `shelf` (archives), [`audit`] (what operators did).
mod api;
pub mod audit;
pub mod connect;
mod cut;
pub mod depths;
mod feed;
mod holes;
mod input;
pub mod journal;
pub mod names;
pub mod outbox;
pub mod pages;
pub mod place;
mod publisher;
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
pub use outbox::NatsOutbox;
pub use publisher::{NatsPublisher, largest};
pub use settings::ReaderSettings;
pub use shelf::NatsShelf;
pub use streams::StreamSettings;
