//! A pod between real servers: bad input, repeated questions, very many SKUs, very many holds, and
//! servers and networks that fail.

mod answers;
mod audited;
mod bad_input;
mod faults;
mod hot;
mod inside;
mod janitor;
mod killer;
mod late;
mod letters;
mod log_full;
mod pauses;
mod promotion;
mod quarantine;
