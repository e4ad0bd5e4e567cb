//! Real servers, pods and a faulty network for the integration tests.
//!
//! Promises: every server runs on a free loopback port with a data directory of its own, is ready
//! when `start` returns, and is gone when its handle is dropped, also when the test panics. Nothing
//! needs root, but for a server with a disk of its own. Use it from a test binary with
//! `#[path = "../harness/mod.rs"] mod harness;`.
#![allow(dead_code, unused_imports, reason = "no test binary uses all of the harness")]

mod command;
mod counts;
mod disk;
mod limits;
mod nats;
mod pod;
mod ports;
mod process;
mod proxy;
mod redis;
mod wait;

pub use command::{Ran, environment, get};
pub use counts::{calls, info, metric, number};
pub use disk::Disk;
pub use limits::Limit;
pub use nats::{NatsCluster, NatsConfig, NatsServer};
pub use pod::Pod;
pub use ports::free_port;
pub use process::{Process, server_binary};
pub use proxy::{Direction, Proxy};
pub use redis::{RedisConfig, RedisData, RedisServer};
pub use wait::{READY_BOUND, wait_for, wait_until};
