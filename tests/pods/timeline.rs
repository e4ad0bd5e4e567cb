//! How a pod's level, lanes and memory went over time, by its own metrics.

#![allow(dead_code, reason = "the bench of peaks takes what the tests do not")]

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

use crate::harness::get;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(200);

/// What was seen at one time.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    pub level: u8,
    /// How late each lane was, in seconds.
    pub late: BTreeMap<String, f64>,
}

/// Looks on until it is dropped.
pub struct Timeline {
    seen: Arc<Mutex<Vec<Seen>>>,
    looking: JoinHandle<()>,
}

impl Timeline {
    /// Looks at the pod that serves HTTP here.
    pub fn of(port: u16) -> Timeline {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let to = seen.clone();
        let looking = tokio::spawn(async move {
            loop {
                let (status, metrics) = get(port, "/metrics").await;
                if status == 200 {
                    to.lock().expect("nobody panics").extend(read(&metrics));
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Timeline { seen, looking }
    }

    /// What was seen so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics").clone()
    }

    /// The level now.
    pub fn level(&self) -> u8 {
        self.seen.lock().expect("nobody panics").last().map_or(0, |seen| seen.level)
    }

    /// The levels, one after the other.
    pub fn levels(&self) -> Vec<u8> {
        let mut levels: Vec<u8> = self.seen().iter().map(|seen| seen.level).collect();
        levels.dedup();
        levels
    }
}

impl Drop for Timeline {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn read(metrics: &str) -> Option<Seen> {
    let (mut level, mut late) = (None, BTreeMap::new());
    for line in metrics.lines() {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        if name == "earmark_safe_mode_level" {
            level = value.parse::<f64>().ok();
        } else if let Some(lane) = name.strip_prefix("earmark_lane_late_seconds{lane=\"") {
            late.insert(lane.trim_end_matches("\"}").to_owned(), value.parse().ok()?);
        }
    }
    Some(Seen { at: Instant::now(), level: level? as u8, late })
}
