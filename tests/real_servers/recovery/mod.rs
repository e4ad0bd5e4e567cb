//! Stores that lost something, and what brings a partition back: archives, a trimmed journal, and
//! what an operator does, on real servers.

mod doubts;
mod full;
mod operator;
mod replaced;
mod restored;
mod shop;
