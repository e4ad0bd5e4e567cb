//! A lease: what EARMARK_CLUSTER says of a partition, under `leases.<partition>`.
//!
//! Its owner writes it anew every second or two; it lapses by itself a few seconds after the last
//! time. It is for speed alone: what is committed is decided by the journal. Beside the owner it
//! says how the partition stood when it was written, which is what `earmark status` shows and what
//! the certainty of an answer follows from.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{Level, time::Timestamp},
    ports::{Needed, Partition},
};

const KEYS: &str = "leases.";

/// How a partition stands with its owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is being brought back.
    Recovering,
    /// It reads and decides.
    Serving,
    /// It cannot be served, and `why` says what it waits for. Also what a lease is taken for that
    /// this build cannot read.
    #[default]
    Waiting,
    /// Its owner is about to hand it over.
    Leaving,
    /// Nobody has it: its last owner has handed it over to the session in `to`.
    Free,
}

impl Phase {
    /// In a word, for a table.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Recovering => "recovering",
            Phase::Serving => "serving",
            Phase::Waiting => "waiting",
            Phase::Leaving => "leaving",
            Phase::Free => "free",
        }
    }
}

/// A partition's lease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// The pod that has it, or had it last.
    pub pod: String,
    /// The pod's run: a pod of the same name that was started anew is another.
    pub session: String,
    /// The bucket's revision at which this owner got it: rises with every owner. 0 while it is
    /// written for the first time.
    pub epoch: u64,
    /// How the partition stands.
    pub phase: Phase,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The session of the pod that is to have it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The incarnation of its journal.
    #[serde(default)]
    pub incarnation: u64,
    /// The journal's sequence of its last committed record.
    #[serde(default)]
    pub position: u64,
    /// The sequence at which its snapshot stands.
    #[serde(default)]
    pub snapshot: u64,
    /// As of when it says so, by the pod's clock: RFC 3339. No later than when was counted what has
    /// not been read.
    #[serde(default)]
    pub at: String,
    /// Messages that it has not read and that may lower what may be promised; before they have been
    /// counted, one of unknown age.
    #[serde(default)]
    pub unread: u64,
    /// How long the oldest of them has been there, in seconds; nothing if all are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_unread_s: Option<f64>,
    /// The same of messages that can only raise it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_addition_s: Option<f64>,
    /// The level of safe mode by which it is read.
    #[serde(default)]
    pub level: Level,
    /// The lowest sequence of EARMARK_IN that it needs; nothing before that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_in: Option<u64>,
    /// When that EARMARK_IN was created, in microseconds since 1970: its sequences are no other's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_log: Option<Timestamp>,
    /// It was handed over in order: all that was decided has left, and has been shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
    /// The oldest format that must be read by whoever takes it over.
    #[serde(default)]
    pub format: u8,
}

impl Lease {
    /// What the partition needs of EARMARK_IN. A build that does not say of which one says nothing.
    pub fn needed(&self) -> Option<Needed> {
        self.keep_in.zip(self.keep_log).map(|(from, log)| Needed { log, from })
    }

    /// The key of a partition's lease.
    pub fn key(partition: Partition) -> String {
        format!("{KEYS}{partition}")
    }

    /// The partition of a lease's key.
    pub fn partition(key: &str) -> Option<Partition> {
        key.strip_prefix(KEYS)?.parse().ok()
    }

    /// The bytes that the bucket keeps.
    pub fn encode(&self) -> Bytes {
        // A struct of numbers and texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// A lease from the bucket's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Lease, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
