//! The highest rate at which a plan still reaches its objectives, and what a wanted peak needs.
//!
//! Promises: each rate is played in a world of its own, so that one that was too high does not
//! spoil the next. What is measured and what is extrapolated from it are told apart, with how.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{
    conductor::{Watched, conduct},
    curve::Curve,
    plan::{Objectives, Plan},
    report::{Kind, Report},
};
use crate::error::{Exit, Failure};

/// The rate that is tried first, in shoppers a second.
const FIRST: f64 = 50.0;
/// None above this is tried.
const MOST: f64 = 500_000.0;
/// It is enough to know it to this share.
const PRECISION: f64 = 0.1;
/// Of what was reached, so much is planned with: peaks are not even, and machines fail.
const PLANNED: f64 = 0.7;
/// Partitions for each pod, so that they can be spread evenly, also when one pod is gone.
const PARTITIONS_A_POD: u32 = 4;
/// Fewer are never advised: their number is fixed for ever.
const PARTITIONS_MIN: u32 = 16;

/// No more are advised, whatever is wanted.
const PODS_MAX: f64 = 65_536.0;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Capacity {
    /// The plan's name.
    pub plan: String,
    /// What was tried, in this order.
    pub tried: Vec<Tried>,
    /// The highest rate that reached every objective, in shoppers a second; 0 if none did.
    pub shoppers_per_s: f64,
    /// The events a second that were answered at it.
    pub events_per_s: f64,
    /// What a peak needs, if one was named.
    pub needs: Option<Needs>,
}

/// A rate that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// Shoppers a second.
    pub shoppers_per_s: f64,
    /// Events that were answered a second.
    pub events_per_s: f64,
    /// By kind, the wait that 99 of 100 were below, in milliseconds.
    pub p99_ms: BTreeMap<Kind, f64>,
    /// What was missed, by name; nothing if all was reached.
    pub missed: Vec<String>,
}

/// What a peak needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Needs {
    /// The peak, in shoppers a second.
    pub shoppers_per_s: f64,
    /// Pods.
    pub pods: u32,
    /// Partitions, at least.
    pub partitions: u32,
    /// How that follows from what was measured.
    pub how: String,
}

/// Searches for the highest rate; each is played for so many seconds.
pub async fn capacity(
    plan: &Plan,
    servers: Option<&Path>,
    (seconds, peak): (f64, Option<f64>),
    watch: impl Fn(f64, Watched),
) -> Result<Capacity, Failure> {
    if plan.objectives == Objectives::default() {
        let text = format!("{} has no objectives: every rate would reach them", plan.name);
        let action = "give it some, such as hold_p99_ms; config/load/steady.toml has all of them";
        return Err(Failure::new(Exit::Usage, text).advise(action));
    }
    let mut search = Search::default();
    let mut tried = Vec::new();
    while let Some(rate) = search.next() {
        let report =
            conduct(&steady(plan, rate, seconds), servers, |watched| watch(rate, watched)).await?;
        search.note(rate, report.holds());
        tried.push(Tried::new(rate, &report));
    }
    let best = tried.iter().filter(|tried| tried.missed.is_empty());
    let best = best.max_by(|a, b| a.shoppers_per_s.total_cmp(&b.shoppers_per_s)).cloned();
    let (shoppers_per_s, events_per_s) =
        best.map_or((0.0, 0.0), |best| (best.shoppers_per_s, best.events_per_s));
    let needs = peak.and_then(|peak| needs(peak, shoppers_per_s, plan.pods.count));
    Ok(Capacity { plan: plan.name.clone(), tried, shoppers_per_s, events_per_s, needs })
}

/// A plan at one rate, with nothing broken: too short for anything to be seen to grow.
pub fn steady(plan: &Plan, rate: f64, seconds: f64) -> Plan {
    let arrivals = Curve::steady(rate, seconds);
    let objectives = Objectives {
        level_after_s: None,
        growth_max: None,
        waits_growth_max: None,
        ..plan.objectives.clone()
    };
    Plan { arrivals, objectives, faults: Vec::new(), ..plan.clone() }
}

impl Tried {
    fn new(shoppers_per_s: f64, report: &Report) -> Tried {
        let missed = report.objectives.iter().filter(|objective| !objective.holds);
        let mut missed: Vec<String> = missed.map(|objective| objective.name.clone()).collect();
        if report.unsettled.is_some() {
            missed.push("settle_within_s".to_owned());
        }
        if report.is_broken() {
            let lists = report.verdict.lists().into_iter();
            let broken = lists.filter(|(_, list)| !list.is_empty());
            missed.extend(broken.map(|(name, _)| name.to_owned()));
        }
        Tried {
            shoppers_per_s,
            events_per_s: report.total().1 as f64 / report.duration_s,
            p99_ms: report.waits.iter().map(|(kind, waits)| (*kind, waits.p99_ms)).collect(),
            missed,
        }
    }
}

/// What a peak needs, where so many pods reached a rate together.
pub fn needs(peak: f64, reached: f64, pods: u32) -> Option<Needs> {
    if reached <= 0.0 {
        return None;
    }
    let each = reached * PLANNED / f64::from(pods);
    let needed = (peak / each).ceil().clamp(1.0, PODS_MAX) as u32;
    let partitions = (needed * PARTITIONS_A_POD).max(PARTITIONS_MIN).next_power_of_two();
    let how = format!(
        "{reached:.0} shoppers a second were measured with {pods} pod(s) beside the servers and \
         the shoppers on this machine; {PLANNED} of that is planned with, {each:.0} a pod. That \
         more pods decide more in proportion is believed and not measured: it holds as long as \
         NATS and Redis are not the limit and each pod has as many processors as here. \
         {PARTITIONS_A_POD} partitions a pod, at least {PARTITIONS_MIN}: their number can never \
         be changed"
    );
    Some(Needs { shoppers_per_s: peak, pods: needed, partitions, how })
}

/// A search for the highest rate that holds: twice as much until one does not, then between the
/// two.
#[derive(Clone, Debug, Default)]
pub struct Search {
    held: f64,
    failed: Option<f64>,
}

impl Search {
    /// The rate to try next; none if it is known well enough.
    pub fn next(&self) -> Option<f64> {
        match self.failed {
            None if self.held == 0.0 => Some(FIRST),
            None => (self.held < MOST).then_some(self.held * 2.0),
            Some(failed) if self.held == 0.0 => (failed > 1.0).then_some(failed / 4.0),
            Some(failed) => {
                let between = (self.held + failed) / 2.0;
                (failed - self.held > self.held * PRECISION).then_some(between)
            }
        }
    }

    /// Whether a rate held.
    pub fn note(&mut self, rate: f64, holds: bool) {
        match holds {
            true => self.held = self.held.max(rate),
            false => self.failed = Some(self.failed.map_or(rate, |failed| failed.min(rate))),
        }
    }
}
