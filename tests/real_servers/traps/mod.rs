//! What the libraries and the server really do where it differs from what one would think: each
//! test pins one fact that our design rests on, so that an upgrade that changes it is noticed.

mod actix_semantics;
mod nats_appends;
mod nats_reading;
mod nats_replicas;
mod nats_streams;
mod subject_partition;

use std::error::Error as _;

use async_nats::jetstream;
use async_nats::jetstream::context::PublishError;

/// The server's error code inside a refused publish, as our own code has to dig it out.
fn server_code(error: &PublishError) -> Option<u64> {
    let source = error.source()?.downcast_ref::<jetstream::Error>()?;
    Some(source.error_code().0)
}
