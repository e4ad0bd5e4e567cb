//! The harness keeps its promises: each switch that other tests turn does what it says, seen on a
//! real nats-server and a real Redis.

mod pod;
mod proxy;
mod servers;
