//! The contract: what is taken, what is refused and how, what is written.

mod admit;
mod bad_input;
mod catalogue;
mod documents;
mod examples;
mod fingerprints;
mod golden;
mod keys;
mod leaving;
mod optional;
mod released;
mod rendering;
mod robust;
mod schemas;
mod support;
mod tables;
