//! The commands as a user runs them: the binary, real servers, exit codes, and what is said.

#[path = "../harness/mod.rs"]
mod harness;

mod commands;
mod running;
mod world;
