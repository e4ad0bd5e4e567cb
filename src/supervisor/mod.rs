//! Starts, watches and stops the partitions of this pod.
//!
//! [`policy`] decides and is pure: what follows when a partition stopped, how they are spread,
//! what may be purged, whether the clock is right. [`actor`] does it, and `rounds` what it does
//! again and again; [`tenancy`] does what [`crate::cluster`] says of who serves what. [`watcher`]
//! looks at servers, clocks and lags, [`janitor`] purges what has been decided, [`report`] says how
//! it stands. [`safe_mode`] says from the load what is put off, and `loading` gives credit by it;
//! `promotions` passes on which of them are armed; `threads` tells how busy the partitions' threads
//! are.

pub mod actor;
pub mod depths;
pub mod janitor;
mod loading;
pub mod policy;
mod promotions;
pub mod report;
mod rounds;
pub mod safe_mode;
mod slot;
pub mod tenancy;
mod threads;
pub mod watcher;

pub use actor::{Ask, AskPartitions, Leave, Plan, Supervisor};
pub use depths::{Ahead, Depths, StreamUsage, Unread};
pub use report::{PartitionReport, Report};
pub use tenancy::{Drain, Tenancy};
