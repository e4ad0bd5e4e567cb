//! Small parts by themselves, without a server and without a process: what they promise, and the
//! edges of it.

mod archive;
mod audit;
mod cluster;
mod config;
mod control;
mod demo;
mod door;
mod hosted;
mod http;
mod inspect;
mod killer;
mod letters;
mod load;
mod load_compare;
mod load_page;
mod nats;
mod pace;
mod promotion;
mod publish;
mod query;
mod runbook;
mod safe_mode;
mod scenario;
mod shedding;
mod supervisor;
mod telemetry;
mod verdict;
