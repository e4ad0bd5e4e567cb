//! Stores that lost something, and what brings a partition back: archives, a trimmed journal, and
//! what an operator does, on real servers.

#[path = "../real_servers/books.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod books;
mod doubts;
mod full;
#[path = "../harness/mod.rs"]
mod harness;
mod operator;
mod replaced;
mod restored;
mod shop;
#[path = "../real_servers/world.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod world;
