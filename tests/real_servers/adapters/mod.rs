//! What only real servers can do to the adapters: kill, freeze, wipe, roll back, fill up, cut off.

mod archives;
mod common;
mod full_and_silent;
mod leaders;
mod reader;
mod redis;
mod setup;
