//! One look at the bucket, for whoever asks how the cluster stands.

use std::time::Duration;

use tokio::time::Instant;

use super::view::View;
use crate::ports::{Leases, Partition, PortError, Watched};

/// What stands in the bucket now.
pub async fn look(leases: &dyn Leases, partitions: Partition) -> Result<View, PortError> {
    let now = Instant::now();
    // Nothing lapses in a single look.
    let mut view = View::new(partitions, Duration::from_secs(3_600), now);
    view.begin();
    let mut watch = leases.watch().await?;
    loop {
        match watch.next().await? {
            Watched::Note(note) => view.note(&note, now),
            Watched::CaughtUp => {
                view.catch_up(now);
                return Ok(view);
            }
        }
    }
}
