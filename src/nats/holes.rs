//! Finds out whether a stream lost its tail and was filled again before anybody looked.
//!
//! Its last sequence is beyond the cursor then, as if nothing had happened. But what stands at the
//! cursor's sequence is newer than the time up to which the cursor has read.

use super::{
    api::{self, StreamSeen, Wanted},
    settings::ReaderSettings,
    watch::StreamWatch,
};
use crate::{
    domain::time::{Span, Timestamp},
    ports::{Cursor, Loss, PortError},
};

/// The loss, if there is one; its `end` is the last sequence that was there when the cursor was.
pub(crate) async fn refilled(
    watch: &StreamWatch,
    settings: &ReaderSettings,
    cursor: Cursor,
    seen: &StreamSeen,
) -> Result<Option<Loss>, PortError> {
    let inside = (seen.first.max(1)..=seen.last).contains(&cursor.sequence);
    let timed = cursor.at != Timestamp::default();
    if !inside || !timed || cursor.created != seen.created {
        return Ok(None);
    }
    let known = cursor.at + margin(settings, seen.replicas);
    let newer = |at: Option<Timestamp>| at.is_some_and(|at| at > known);
    let at_cursor = api::get(&watch.context, watch.stream, Wanted::at(cursor.sequence)).await?;
    if !newer(at_cursor.map(|stored| stored.at)) {
        return Ok(None);
    }
    // The last sequence before all that is newer.
    let (mut old, mut new) = (seen.first.saturating_sub(1), cursor.sequence);
    while new - old > 1 {
        let middle = old + (new - old) / 2;
        let next = api::get(&watch.context, watch.stream, Wanted::next(">", middle)).await?;
        match newer(next.map(|stored| stored.at)) {
            true => new = middle,
            false => old = middle,
        }
    }
    Ok(Some(Loss::EndBeforeCursor { cursor: cursor.sequence, end: old }))
}

/// By how much a drained cursor's time may lie before the stream's end that it names.
pub(crate) fn margin(settings: &ReaderSettings, replicas: usize) -> Span {
    match replicas {
        0 | 1 => Span::ZERO,
        _ => Span::from_millis(settings.replicated_margin_ms.cast_signed()),
    }
}
