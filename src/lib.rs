//! Earmark keeps stock and orders true between the warehouse and the shop.

pub mod actors;
pub mod app;
pub mod archive;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod contract;
pub mod control;
pub mod demo;
pub mod domain;
pub mod embedded;
pub mod encode;
pub mod error;
pub mod hosted;
pub mod http;
pub mod inspecting;
pub mod nats;
pub mod partition;
pub mod ports;
pub mod query;
pub mod redis;
pub mod scenario;
pub mod signals;
pub mod supervisor;
pub mod telemetry;
