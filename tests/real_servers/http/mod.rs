//! The door for events as a client sees it: `earmark run` between real servers, and an HTTP client.

mod answers;
mod bounds;
mod refusals;
mod world;
