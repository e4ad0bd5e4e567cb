//! Dead letters as an operator sees them: read back ([`letter`]), chosen ([`filter`]), counted in
//! groups ([`groups`]), told as a scenario ([`story`]), corrected ([`correct`]), tried on a copy of
//! their entity ([`forecast`]), and closed once something was done with them ([`closing`]).
//!
//! Promises: letters of one event count once; what is in memory is bounded by how many events have
//! letters, not by how many letters there are; nothing here publishes anything.

pub mod closing;
pub mod correct;
pub mod filter;
pub mod forecast;
pub mod groups;
pub mod letter;
pub mod story;

pub use closing::{Close, Closed};
pub use filter::Filter;
pub use letter::{Identity, Letter};
