//! The door for events as a client sees it: `earmark run` between real servers, and an HTTP client.

#[path = "../harness/mod.rs"]
mod harness;

mod answers;
mod bounds;
mod refusals;
mod world;
