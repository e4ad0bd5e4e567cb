//! How streams are read, as settings.
//!
//! Promises: the defaults suit a busy pod; every span is in milliseconds and every size in bytes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How streams are read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReaderSettings {
    /// Messages in one pull request; up to one and a half times as many are on the way.
    pub batch: usize,
    /// Bytes in one pull request; no smaller than the largest message.
    pub batch_bytes: usize,
    /// How long a pull request stands, in milliseconds.
    pub expires_ms: u64,
    /// How often the server says that it is there, in milliseconds; after two of these it is not.
    pub heartbeat_ms: u64,
    /// How long the server keeps a consumer that nobody asks, in milliseconds.
    pub inactive_ms: u64,
    /// How long nothing must come before a reader finds out whether all has been read, and how long
    /// until it does so again, in milliseconds.
    pub drain_check_ms: u64,
    /// By how much the time of a drained replicated stream lies behind the server's, in
    /// milliseconds: there a message gets its time before it is stored.
    pub replicated_margin_ms: u64,
    /// How long messages may be there and not come before the consumer is made anew, in
    /// milliseconds.
    pub stalled_ms: u64,
    /// How often making a consumer anew is tried before the reader gives up.
    pub attempts: u32,
}

impl Default for ReaderSettings {
    fn default() -> ReaderSettings {
        ReaderSettings {
            batch: 500,
            batch_bytes: 4 << 20,
            expires_ms: 30_000,
            heartbeat_ms: 1_000,
            inactive_ms: 30_000,
            drain_check_ms: 250,
            replicated_margin_ms: 1_000,
            stalled_ms: 2_000,
            attempts: 30,
        }
    }
}

impl ReaderSettings {
    pub(crate) fn expires(&self) -> Duration {
        Duration::from_millis(self.expires_ms)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }

    pub(crate) fn inactive(&self) -> Duration {
        Duration::from_millis(self.inactive_ms)
    }

    pub(crate) fn drain_check(&self) -> Duration {
        Duration::from_millis(self.drain_check_ms)
    }

    pub(crate) fn stalled(&self) -> Duration {
        Duration::from_millis(self.stalled_ms)
    }
}
