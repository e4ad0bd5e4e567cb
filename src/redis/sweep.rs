//! Deletes the generations that resets left behind, slowly and in the background.
//!
//! Promises: a step looks at a bounded number of keys and rests afterwards; keys of the living
//! generation are never deleted, also if Redis was rolled back to it meanwhile, since each step
//! asks in the same atomic call. What one process leaves undone, the next reset of the partition
//! does.

use std::{sync::Arc, time::Duration};

use redis::cmd;

use super::{layout::Keys, link::Link, scripts::Scripts, snapshots::RedisSnapshots};
use crate::ports::{Partition, PortError};

const DOING: &str = "delete an old generation";

struct Sweep {
    link: Arc<Link>,
    scripts: Arc<Scripts>,
    keys: Keys,
    step: usize,
    rest: Duration,
}

/// Begins to delete what is left of a partition's older generations.
pub(super) fn in_background(of: &RedisSnapshots, partition: Partition) {
    let sweep = Sweep {
        link: of.link.clone(),
        scripts: of.scripts.clone(),
        keys: Keys::new(&of.settings.prefix, partition),
        step: of.settings.sweep_step.max(1),
        rest: Duration::from_millis(of.settings.sweep_rest_ms),
    };
    tokio::spawn(async move {
        if let Err(error) = sweep.all().await {
            tracing::warn!(partition, %error, "an old generation is left for later");
        }
    });
}

impl Sweep {
    async fn all(&self) -> Result<(), PortError> {
        let mut list = cmd("SMEMBERS");
        list.arg(self.keys.garbage());
        let generations: Vec<String> = self.link.command(DOING, &list).await?;
        for generation in generations {
            if self.one(&generation).await? {
                let mut done = cmd("SREM");
                done.arg(self.keys.garbage()).arg(&generation);
                let _: i64 = self.link.command(DOING, &done).await?;
            }
        }
        Ok(())
    }

    /// Whether all of it is gone: not when it turned out to live.
    async fn one(&self, generation: &str) -> Result<bool, PortError> {
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(self.keys.all_of(generation));
            scan.arg("COUNT").arg(self.step);
            let (next, found): (u64, Vec<Vec<u8>>) = self.link.command(DOING, &scan).await?;
            let mut call = self.scripts.unlink.prepare_invoke();
            call.key(self.keys.meta());
            for key in found {
                call.key(key);
            }
            call.arg(generation);
            let dead: bool = self.link.script(DOING, &call).await?;
            if !dead || next == 0 {
                return Ok(dead);
            }
            cursor = next;
            tokio::time::sleep(self.rest).await;
        }
    }
}
