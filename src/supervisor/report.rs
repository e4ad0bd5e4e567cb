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
    /// It is being brought back.
    #[serde(skip)]
    pub recovers: bool,
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
    /// It is fit for work: nothing is amiss but what it can do without.
    pub ready: bool,
    /// What is not.
    pub why: Vec<String>,
    /// How far the pod's clock is ahead of the server's, in seconds.
    pub clock_off_s: Option<f64>,
    /// The partitions.
    pub partitions: Vec<PartitionReport>,
}

impl Report {
    /// Puts together what is known of the partitions, of the log and the snapshots, and of what is
    /// not as it should be with the pod itself.
    ///
    /// Where it `may_lack_snapshots`, a pod that serves something is ready without them: events are
    /// taken, and what is in memory decides; what it has to bring back meanwhile waits. One that
    /// serves nothing would only take the place of those that do.
    pub fn new(
        partitions: Vec<PartitionReport>,
        stores: [(&str, &Reach); 2],
        pod: [Option<String>; 2],
        clock_off_s: Option<f64>,
        may_lack_snapshots: bool,
    ) -> Report {
        let lacks = may_lack_snapshots
            && matches!(stores[1].1, Reach::Unreachable(_))
            && partitions.iter().any(|of| of.serving);
        let store = |(name, reach): (&str, &Reach)| match reach {
            Reach::Reachable => None,
            Reach::Unknown => Some(format!("{name} has not been asked yet")),
            Reach::Unreachable(why) => Some(format!("{name} cannot be reached: {why}")),
        };
        let [log, snapshots] = stores.map(store);
        let ready = log.is_none()
            && (lacks || snapshots.is_none())
            && pod.iter().all(Option::is_none)
            && partitions.iter().all(|of| of.why.is_none() || (lacks && of.recovers));
        let mut why: Vec<String> = [log, snapshots].into_iter().chain(pod).flatten().collect();
        why.extend(partitions.iter().filter_map(|of| {
            Some(format!("partition {} is not served: {}", of.partition, of.why.as_ref()?))
        }));
        Report { ready, why, clock_off_s, partitions }
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
