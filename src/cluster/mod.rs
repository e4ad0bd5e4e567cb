//! Who serves which partition, where there are several pods.
//!
//! Every pod is a [`member`] and writes that down in EARMARK_CLUSTER; whoever serves a partition
//! holds its [`lease`] there. Leases are for speed, the journal's append is for safety: two owners
//! may run, only one can commit.

pub mod lease;
mod look;
pub mod member;
pub mod participant;
pub mod placement;
mod steps;
pub mod tenure;
pub mod view;

pub use lease::{Lease, Phase};
pub use look::look;
pub use member::{Member, Standing};
pub use participant::{Act, Participant, Rules};
pub use placement::Delays;
pub use tenure::News;
pub use view::{HEEDED_MAX, View};
