//! What Earmark knows about stock and orders, and nothing else.
//!
//! The domain is pure: no IO, no clock, no randomness, no runtime. An entity *decides* on an input
//! ([`Entity::decide`], which changes nothing) and *applies* the facts of that decision
//! ([`Entity::apply`], which asks nothing). Recovery applies journaled facts and never decides.
//!
//! Read in this order: [`ids`], [`time`], [`event`] and [`command`] (what comes in), [`decision`]
//! (what goes out: facts, outcomes, commands, a verdict), [`guard`] (what an event does in a
//! state) and [`described`] (what its words mean), [`sku`] and [`order`] (who decides), [`refusal`]
//! (why not), [`brief`] (how an entity stood), [`level`] (what is put off in safe mode),
//! [`invariant`] (what must hold always).
#![deny(clippy::disallowed_methods)]

pub mod brief;
pub mod command;
pub mod decision;
pub mod described;
pub mod entity;
pub mod event;
pub mod guard;
pub mod ids;
pub mod invariant;
pub mod level;
pub mod order;
pub mod outcome;
pub mod policy;
pub mod refusal;
pub mod sku;
pub mod time;

pub use entity::{Breach, Due, DueClock, Entity, Moment, PartKey};
pub use level::Level;
