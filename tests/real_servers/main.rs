//! What takes real servers and is not long: one binary, since most of what each needs is the same.
//!
//! [`proof`] first: the harness keeps its promises. [`traps`] pins what the libraries and the server
//! really do; [`adapters`] is ours beside them; [`pod`], [`http`], [`queries`] and [`recovery`] are
//! `earmark run` between real servers, [`cli`] and [`embedded`] the commands as a user runs them.

mod adapters;
mod books;
mod cli;
mod embedded;
#[path = "../harness/mod.rs"]
mod harness;
mod http;
mod pod;
mod proof;
mod queries;
mod recovery;
mod traps;
mod world;
