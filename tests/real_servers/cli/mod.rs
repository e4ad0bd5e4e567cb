//! The commands as a user runs them: the binary, real servers, exit codes, and what is said.

mod commands;
mod contracts;
mod load;
mod running;
mod world;
