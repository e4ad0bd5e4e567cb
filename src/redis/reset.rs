//! What Earmark has in Redis, and deleting all of it: for servers that are there for tests.

use redis::cmd;

use super::{link::Link, snapshots::RedisSnapshots};
use crate::ports::PortError;

/// Keys that are looked at in one step.
const STEP: usize = 1_000;

impl RedisSnapshots {
    /// How many keys there are below the prefix.
    pub async fn keys_found(&self) -> Result<u64, PortError> {
        let mut found = 0;
        self.each_step(async |_, keys| {
            found += keys.len() as u64;
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// Deletes every key below the prefix.
    pub async fn delete_all(&self) -> Result<(), PortError> {
        self.each_step(async |link, keys| {
            if keys.is_empty() {
                return Ok(());
            }
            let mut unlink = cmd("UNLINK");
            unlink.arg(keys);
            let _: i64 = link.command("delete all keys", &unlink).await?;
            Ok(())
        })
        .await
    }

    async fn each_step(
        &self,
        mut see: impl AsyncFnMut(&Link, Vec<Vec<u8>>) -> Result<(), PortError>,
    ) -> Result<(), PortError> {
        let mut cursor = 0_u64;
        loop {
            let mut scan = cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("{{{}:p*}}:*", self.settings.prefix));
            scan.arg("COUNT").arg(STEP);
            let (next, keys): (u64, _) = self.link.command("look for keys", &scan).await?;
            see(&self.link, keys).await?;
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}
