//! What Earmark has on a server, and deleting all of it: for servers that are there for tests.

use async_nats::jetstream::{Context, context::GetStreamErrorKind};

use super::names;
use crate::ports::PortError;

/// Every stream of Earmark's, those behind its buckets included.
const STREAMS: [&str; 10] = [
    names::IN,
    names::CMD,
    names::JOURNAL,
    names::OUT,
    names::AVAILABILITY,
    names::DLQ,
    names::AUDIT,
    names::CLUSTER_STREAM,
    names::OBJECTS_STREAM,
    names::SNAPSHOTS_STREAM,
];

/// The streams that are there, and how many messages each has.
pub async fn found(context: &Context) -> Result<Vec<(&'static str, u64)>, PortError> {
    let mut found = Vec::new();
    for stream in STREAMS {
        match context.get_stream(stream).await {
            Ok(info) => found.push((stream, info.cached_info().state.messages)),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(why) if why.code() == 404 => {}
                _ => return Err(PortError::new(format!("look for {stream}"), error)),
            },
        }
    }
    Ok(found)
}

/// Deletes these streams with all that is in them.
pub async fn delete(context: &Context, streams: &[(&'static str, u64)]) -> Result<(), PortError> {
    for (stream, _) in streams {
        let deleted = context.delete_stream(stream).await;
        deleted.map_err(|error| PortError::new(format!("delete {stream}"), error))?;
    }
    Ok(())
}
