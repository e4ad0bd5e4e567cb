//! Earmark keeps stock and orders true between the warehouse and the shop.
pub mod contract;
pub mod domain;
pub mod nats;
pub mod ports;
pub mod redis;
