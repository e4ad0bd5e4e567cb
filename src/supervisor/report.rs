//! How the pod stands: what readiness and its reasons are made of.

use serde::Serialize;

use crate::ports::Partition;

/// How a partition stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionReport {
    /// Which.
    pub partition: Partition,
    /// Whether it is this pod's to serve.
    pub ours: bool,
    /// Whether this pod serves it.
    pub serving: bool,
    /// It will not be served before an operator has looked at it.
    pub refuses: bool,
    /// Why not, where it is this pod's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The journal's sequence of its last record.
    pub position: u64,
    /// Entities that decide no more.
    pub quarantined: usize,
    /// Inputs that wait.
    pub waiting: usize,
}

/// How a server stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It has not been asked yet.
    #[default]
    Unknown,
    /// It answered.
    Reachable,
    /// It did not.
    Unreachable(String),
}

/// How the pod stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Everything is as it should be.
    pub ready: bool,
    /// What is not.
    pub why: Vec<String>,
    /// How far the pod's clock is ahead of the server's, in seconds.
    pub clock_off_s: Option<f64>,
    /// The partitions.
    pub partitions: Vec<PartitionReport>,
}

impl Report {
    /// Puts together what is known. `pod` says what is not as it should be with the pod itself.
    pub fn new(
        partitions: Vec<PartitionReport>,
        stores: [(&str, &Reach); 2],
        pod: [Option<String>; 2],
        clock_off_s: Option<f64>,
    ) -> Report {
        let store = |(name, reach): (&str, &Reach)| match reach {
            Reach::Reachable => None,
            Reach::Unknown => Some(format!("{name} has not been asked yet")),
            Reach::Unreachable(why) => Some(format!("{name} cannot be reached: {why}")),
        };
        let [log, snapshots] = stores.map(store);
        let mut why: Vec<String> = [log, snapshots].into_iter().chain(pod).flatten().collect();
        why.extend(partitions.iter().filter_map(|of| {
            Some(format!("partition {} is not served: {}", of.partition, of.why.as_ref()?))
        }));
        Report { ready: why.is_empty(), why, clock_off_s, partitions }
    }

    /// What there is to say before there is a supervisor.
    pub fn not_yet(why: &str) -> Report {
        Report {
            ready: false,
            why: vec![why.to_owned()],
            clock_off_s: None,
            partitions: Vec::new(),
        }
    }
}
