//! `earmark load`: a promotion, as a plan has it, played against real servers and pods before it is
//! played by shoppers.

pub mod catalogue;
pub mod conductor;
pub mod curve;
pub mod event;
pub mod heard;
pub mod local;
pub mod look;
pub mod measure;
pub mod objectives;
pub mod plan;
pub mod player;
pub mod report;
pub mod sender;
pub mod shop;
pub mod way;
