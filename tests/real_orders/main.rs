//! Real orders through real servers and a real Earmark that is killed on the way, with a result that
//! is exactly right.
#![allow(dead_code)]

mod checker;
#[path = "convert/mod.rs"]
mod convert;
mod streams;
