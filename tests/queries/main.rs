//! Questions about SKUs and orders, over NATS and over HTTP, between real servers: what is answered,
//! how sure, and what is never said.

#[path = "../harness/mod.rs"]
mod harness;
#[allow(dead_code, reason = "no test binary uses all of it")]
#[path = "../real_servers/world.rs"]
mod world;

mod answers;
mod asking;
mod doubts;
mod refusals;
