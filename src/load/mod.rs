//! `earmark load`: a promotion, as a plan has it, played against real servers and pods before it is
//! played by shoppers.

pub mod amounts;
pub mod compare;
pub mod page;
pub mod report;
