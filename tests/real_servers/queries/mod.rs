//! Questions about SKUs and orders, over NATS and over HTTP, between real servers: what is answered,
//! how sure, and what is never said.

mod answers;
mod asking;
mod doubts;
mod refusals;
