//! A pod between real servers: bad input, repeated questions, very many SKUs, very many holds, and
//! servers and networks that fail.

mod answers;
mod bad_input;
mod faults;
mod hot;
mod janitor;
mod late;
mod letters;
mod log_full;
mod pauses;
mod quarantine;
