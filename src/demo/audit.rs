//! After the day: everything is audited, and told as the day's report.

use super::report::Day;
use crate::{
    audit::{self, Audited, Heard, Scope},
    contract::Limits,
    domain::time::{Span, Timestamp},
    embedded::Embedded,
    error::Failure,
    partition::Published,
    ports::Partition,
};

/// Looks at everything, at the end of the day.
pub async fn audit(store: &Embedded, partitions: Partition, at: Timestamp) -> Result<Day, Failure> {
    let (published, limits) = (Published::default(), Limits::default());
    let margin = Span::default();
    let scope = Scope { partitions, published, limits, at, margin, with_state: true };
    let audited = audit::audit(&store.ports().into(), &scope, Heard::default()).await?;
    Ok(day(audited))
}

fn day(audited: Audited) -> Day {
    let Audited { findings, counts, state, unchecked } = audited;
    let broken = findings.lines().cloned().chain(unchecked).collect();
    Day { counts, state: state.unwrap_or_default(), broken }
}
