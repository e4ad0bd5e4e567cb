//! All contestants in turn, again and again, each time from the same stores: what disturbs the
//! machine for a while disturbs all of them.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    contest::{self, Contestant, Delivery, Lasting, Setting},
    latency, log,
    report::Results,
    servers::{Fsync, PostgresServer, Store},
    workload::{Kind, Workload},
};

/// How long latency is measured each time.
const LATENCY_LASTS: Duration = Duration::from_secs(3);
/// Half of what publishers sustain is less than this, a second.
const LATENCY_RATE_MAX: usize = 120_000;

/// What is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Rate(Setting, Contestant),
    Latency(Setting, Contestant),
}

impl Step {
    pub fn slug(self) -> String {
        match self {
            Step::Rate(setting, contestant) => format!("{}/{}", setting.slug(), contestant.slug()),
            Step::Latency(setting, contestant) => {
                format!("latency/{}/{}", setting.slug(), contestant.slug())
            }
        }
    }

    fn contestant(self) -> Contestant {
        match self {
            Step::Rate(_, contestant) | Step::Latency(_, contestant) => contestant,
        }
    }
}

/// All steps that are asked for, in their order; the floor is there wherever something is compared
/// with it.
pub fn steps(only: &[String]) -> Vec<Step> {
    let asked = |step: &Step| only.is_empty() || only.iter().any(|part| step.slug().contains(part));
    let mut steps = Vec::new();
    for setting in Setting::all() {
        let all = Contestant::of(setting).into_iter();
        let mut some: Vec<Step> =
            all.map(|contestant| Step::Rate(setting, contestant)).filter(asked).collect();
        let floor = Step::Rate(setting, Contestant::Floor);
        if some.first().is_some_and(|first| *first != floor) {
            some.insert(0, floor);
        }
        steps.extend(some);
    }
    for fsync in Fsync::ALL {
        let setting = Setting { kind: Kind::Uniform, delivery: Delivery::Answered, fsync };
        for contestant in [Contestant::Earmark, Contestant::RedisTogether] {
            steps.extend(Some(Step::Latency(setting, contestant)).filter(asked));
        }
    }
    steps
}

/// What lasts from step to step.
pub struct Rounds {
    lasting: Lasting,
    workloads: BTreeMap<Kind, Workload>,
    /// Requests that are published while latency is measured.
    waited: Workload,
    /// Workloads that wait to be read.
    full: BTreeMap<Setting, Store>,
    /// Stock alone.
    idle: BTreeMap<Fsync, Store>,
    /// What publishers sustain, a second.
    sustained: BTreeMap<Fsync, f64>,
    /// How fast the log was read the last time.
    floors: BTreeMap<Setting, f64>,
    pub results: Results,
}

impl Rounds {
    /// Starts the servers that last, and makes the workloads.
    pub async fn start(steps: &[Step], events: usize) -> Result<Rounds> {
        let postgres = match steps.iter().any(|step| step.contestant() == Contestant::Postgres) {
            true => Some(PostgresServer::start().await?),
            false => None,
        };
        let workload = |kind| {
            let events = if kind == Kind::Orders { events / 2 } else { events };
            (kind, Workload::new(kind, events))
        };
        let waits = steps.iter().any(|step| matches!(step, Step::Latency(..)));
        let most = LATENCY_RATE_MAX * LATENCY_LASTS.as_secs() as usize;
        Ok(Rounds {
            lasting: Lasting { postgres },
            workloads: Kind::ALL.into_iter().map(workload).collect(),
            waited: Workload::new(Kind::Uniform, if waits { most } else { 0 }),
            full: BTreeMap::new(),
            idle: BTreeMap::new(),
            sustained: BTreeMap::new(),
            floors: BTreeMap::new(),
            results: Results::default(),
        })
    }

    /// Runs a step; what it came to, in words.
    pub async fn step(&mut self, step: Step) -> Result<String> {
        match step {
            Step::Rate(setting, contestant) => self.rate(setting, contestant).await,
            Step::Latency(setting, contestant) => self.latency(setting, contestant).await,
        }
    }

    async fn rate(&mut self, setting: Setting, contestant: Contestant) -> Result<String> {
        let workload = self.workloads.get(&setting.kind).context("there is no such workload")?;
        let store = match self.full.entry(setting) {
            Entry::Occupied(full) => full.into_mut(),
            Entry::Vacant(empty) => {
                let answered = setting.delivery == Delivery::Answered;
                let filled = log::fill(workload, &workload.published, answered, setting.fsync);
                empty.insert(filled.await.context("fill the log")?)
            }
        };
        let took = contest::run(contestant, setting, workload, store, &self.lasting).await?;
        let rate = workload.units() as f64 / took.as_secs_f64();
        if contestant == Contestant::Floor {
            self.floors.insert(setting, rate);
        }
        let of_floor = rate / self.floors.get(&setting).copied().unwrap_or(f64::NAN);
        self.results.rate(setting, contestant, rate, of_floor);
        Ok(format!("{rate:.0} a second, {of_floor:.3} of the floor"))
    }

    async fn latency(&mut self, setting: Setting, contestant: Contestant) -> Result<String> {
        let store = match self.idle.entry(setting.fsync) {
            Entry::Occupied(idle) => idle.into_mut(),
            Entry::Vacant(empty) => {
                let filled = log::fill(&self.waited, &[], true, setting.fsync);
                empty.insert(filled.await.context("fill the log")?)
            }
        };
        let sustained = match self.sustained.entry(setting.fsync) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                *unknown.insert(latency::sustained(setting, store, &self.waited).await?)
            }
        };
        let (waited, lasting) = (&self.waited, &self.lasting);
        let pace = latency::Pace { publishers: sustained, lasts: LATENCY_LASTS };
        let measured = latency::measure(contestant, setting, store, waited, lasting, pace).await?;
        self.results.latency(setting, contestant, measured);
        let latency::Latency { rate, p50_ms, p99_ms, .. } = measured;
        Ok(format!("{rate:.0} a second, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms"))
    }
}
