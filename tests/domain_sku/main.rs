//! The SKU: what it decides, and what stays true whatever comes.
//!
//! `world` plays inputs against a SKU and checks every promise of an entity on the way; `table` is
//! the whole state machine of a hold as one text; `cases` are single rules; `late` are counts that come late; `random` are the
//! properties; `scale` counts what a change costs.
mod cases;
mod counts;
mod late;
mod orders;
mod random;
mod scale;
mod table;
mod world;
