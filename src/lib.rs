//! Earmark keeps stock and orders true between the warehouse and the shop.

pub mod actors;
pub mod contract;
pub mod domain;
pub mod nats;
pub mod partition;
pub mod ports;
pub mod redis;
pub mod telemetry;
