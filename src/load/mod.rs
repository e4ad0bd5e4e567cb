//! `earmark load`: a promotion, as a plan has it, played against real servers and pods before it
//! is played by shoppers.
//!
//! A [`plan`] says who comes when ([`curve`]) and what is sold ([`catalogue`]). The [`conductor`]
//! starts servers and pods ([`local`], [`process`], [`way`]) and has the [`player`] play: people
//! ([`shop`]) mean to say something at a time, the [`sender`] brings it to the log, and what they
//! hear ([`heard`]) decides what they do next. Waits are taken down ([`measure`]), pods are looked
//! at ([`look`]); what came of it is audited ([`crate::audit`]), from [`copies`] where logs forget
//! some of it, and held against what the plan asks for ([`objectives`], and [`growth`] where it
//! lasts). The [`report`] is numbers; [`page`] draws it, [`compare`] lays two beside each
//! other. [`capacity`] plays a plan again and again, for the highest rate that it bears.

pub mod amounts;
pub mod capacity;
pub mod catalogue;
pub mod compare;
pub mod conductor;
pub mod copies;
pub mod curve;
pub mod event;
pub mod growth;
pub mod heard;
pub mod local;
pub mod look;
pub mod measure;
pub mod objectives;
pub mod page;
pub mod plan;
pub mod player;
pub mod process;
pub mod report;
pub mod sender;
pub mod shop;
pub mod way;
