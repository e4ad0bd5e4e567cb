//! The contract: what is taken, what is refused and how, what is written.

mod admit;
mod bad_input;
mod examples;
mod fingerprints;
mod golden;
mod keys;
mod optional;
mod rendering;
mod robust;
mod support;
