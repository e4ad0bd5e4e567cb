//! A stream's messages by page, for whoever looks at few of them beside the partitions.

use async_nats::jetstream::Context;

use super::api::{self, Wanted};
use crate::ports::PortError;

/// The messages after a sequence, at most so many: each with its sequence, from the leader.
pub async fn page(
    context: &Context,
    stream: &str,
    after: u64,
    most: usize,
) -> Result<Vec<(u64, Vec<u8>)>, PortError> {
    let mut page = Vec::new();
    let mut from = after.saturating_add(1);
    while page.len() < most {
        let Some(stored) = api::get(context, stream, Wanted::next(">", from)).await? else { break };
        from = stored.sequence.saturating_add(1);
        page.push((stored.sequence, stored.payload.to_vec()));
    }
    Ok(page)
}
