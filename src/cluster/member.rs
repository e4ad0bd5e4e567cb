//! A member: what EARMARK_CLUSTER says of a pod, under `members.<pod>`.
//!
//! A pod writes it anew every second or two; it lapses by itself a few seconds after the last time,
//! and then nobody counts on the pod any more.

use std::fmt::Write as _;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::domain::Level;

/// What a pod does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It takes partitions.
    Serving,
    /// It takes none, and `why` says what it waits for.
    Waiting,
    /// It hands its partitions over, and ends.
    Leaving,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub pod: String,
    /// Its run: a pod of the same name that was started anew is another member.
    pub session: String,
    /// The version of its build.
    pub version: String,
    /// The newest format of records and snapshots that it reads.
    pub reads: u8,
    /// Whether it reaches the store of snapshots.
    #[serde(default = "yes")]
    pub reaches_snapshots: bool,
    /// The level of safe mode that its own load calls for.
    #[serde(default)]
    pub level: Level,
    /// What it does.
    pub standing: Standing,
    /// Why it waits, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// When it joined, by its own clock: RFC 3339.
    pub since: String,
}

fn yes() -> bool {
    true
}

impl Member {
    /// What the keys of all members begin with.
    pub const KEYS: &str = "members.";

    /// The key of a pod.
    pub fn key(pod: &str) -> String {
        format!("{}{}", Self::KEYS, Self::token(pod))
    }

    /// A pod's name as one token: it may hold what a key or a subject may not.
    pub fn token(pod: &str) -> String {
        let mut token = String::with_capacity(pod.len());
        for byte in pod.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => token.push(byte.into()),
                // Writing to a String never fails.
                other => drop(write!(token, "={other:02X}")),
            }
        }
        token
    }

    /// The bytes that the bucket keeps.
    pub fn encode(&self) -> Bytes {
        // A struct of numbers and texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// A member from the bucket's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Member, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
