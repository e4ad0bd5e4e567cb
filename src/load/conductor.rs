//! Runs a plan: starts what it needs, plays it, breaks what it says, and looks at what came of it.

use std::{path::Path, time::Duration};

use async_nats::Client;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep},
};

use super::{
    local::Local,
    look::{self, Looked},
    measure::Measure,
    objectives,
    plan::Plan,
    player::{Played, Player, Shown},
    report::{Fault, Look, Machine, Report},
};
use crate::{
    app,
    audit::{Audited, Logs, Scope, audit},
    clock::SystemClock,
    config::Settings,
    contract::time,
    domain::time::{Span, Timestamp},
    error::Failure,
    nats::{Connections, NatsSettings},
    ports::Clock,
};

/// How long after a fault waits are counted as its own, in seconds.
const AFTER_FAULT_S: f64 = 10.0;
/// A hold that is open so long after its deadline is stuck.
const STUCK_AFTER: Span = Span::from_secs(30);
/// How long after each other it is looked whether all is read: longer than pods take to look
/// themselves ([`super::local::WATCH_EVERY_MS`]).
const LOOKS_APART: Duration = Duration::from_millis(750);

/// What is told while a plan is played.
pub struct Watched {
    /// How it goes.
    pub shown: watch::Receiver<Shown>,
    /// What the pods say.
    pub seen: watch::Receiver<Look>,
}

/// Plays a plan on servers and pods of its own. `watch` is told how it goes.
pub async fn conduct(
    plan: &Plan,
    servers: Option<&Path>,
    watch: impl FnOnce(Watched),
) -> Result<Report, Failure> {
    let (shows, shown) = watch::channel(Shown { doing: "it starts".to_owned(), ..begin() });
    let (sees, seen) = watch::channel(Look::default());
    watch(Watched { shown, seen });
    let mut local = Local::start(plan, servers).await?;
    let played = play(plan, &mut local, shows, sees).await;
    match played {
        // What is only late leaves nothing to look for.
        Ok(report) if !report.is_broken() => {
            if let Err(error) = local.end().await {
                tracing::warn!(%error, "something is left of it");
            }
            Ok(report)
        }
        Ok(report) => {
            tracing::warn!(kept = %local.keep().display(), "promises were broken");
            Ok(report)
        }
        Err(failure) => {
            let kept = format!("what the servers and pods wrote is in {}", local.keep().display());
            let action = failure.action.clone().map_or(kept.clone(), |of| format!("{of}; {kept}"));
            Err(failure.advise(action))
        }
    }
}

fn begin() -> Shown {
    Shown { at_s: -1.0, ..Shown::default() }
}

async fn play(
    plan: &Plan,
    local: &mut Local,
    shows: watch::Sender<Shown>,
    sees: watch::Sender<Look>,
) -> Result<Report, Failure> {
    let began_at = SystemClock.now();
    let clients = (connect(local).await?, connect(local).await?);
    let run = format!("{:08x}", rand::random::<u32>());
    let source = format!("/load/{run}");
    let mut player = Player::new(plan, clients, (&source, "L"), shows.clone()).await?;
    player.open().await?;
    let urls = local.metrics_urls();
    let began = player.begin();
    let (is_enough, enough) = oneshot::channel();
    let lasts_s = plan.duration_s() + plan.settle_within_s;
    let looked = Looked::at(urls.clone(), local.redis_url())?;
    let looking = tokio::spawn(looked.on((began, lasts_s), sees, enough));
    let (over, is_over) = oneshot::channel::<()>();
    let playing = async {
        let played = player.play().await;
        drop(over);
        Ok(played)
    };
    let (played, faults) = tokio::try_join!(playing, break_things(plan, local, began, is_over))?;
    shows.send_modify(|shown| "all that is left is read".clone_into(&mut shown.doing));
    let within = Duration::from_secs_f64(plan.settle_within_s);
    let is_at_rest = all_is_read(plan, &urls, within).await;
    drop(is_enough);
    let settings = local.settings(plan)?;
    // The servers are on this machine, and have the same clock.
    let at = SystemClock.now();
    let wrong = local.leave().await?;
    let looks = looking.await.unwrap_or_default();
    shows.send_modify(|shown| "everything is checked".clone_into(&mut shown.doing));
    let logs = logs(local, &settings).await?;
    let heard = played.granted.iter().map(|id| (source.as_str(), id.as_str(), true)).collect();
    let scope = Scope {
        partitions: plan.pods.partitions,
        published: settings.published,
        limits: settings.limits,
        at,
        margin: STUCK_AFTER,
        with_state: false,
    };
    let mut audited = audit(&logs, &scope, heard).await?;
    audited.findings.other.extend(wrong);
    let unsettled = unsettled(plan, &played, is_at_rest);
    let told = Told { began_at, looks, faults, audited, unsettled };
    Ok(told.report(plan, played))
}

/// What is audited: the logs, or the copies of them.
async fn logs(local: &Local, settings: &Settings) -> Result<Logs, Failure> {
    let url = local.copies().await?.unwrap_or_else(|| local.nats_url());
    let nats = NatsSettings { url, ..settings.nats.clone() };
    Ok(Logs::from(app::ports(settings, &Connections::open(&nats).await?)?))
}

/// What was still under way when the time for it was over, in words.
fn unsettled(plan: &Plan, played: &Played, is_at_rest: bool) -> Option<String> {
    let Played { unanswered, open_orders, .. } = played;
    if is_at_rest && *unanswered == 0 && *open_orders == 0 {
        return None;
    }
    let pods = if is_at_rest { "had read all" } else { "had not read and said all" };
    let seconds = plan.settle_within_s;
    Some(format!(
        "after settle_within_s ({seconds} s) {unanswered} events were not answered, {open_orders} \
         orders were neither confirmed nor over, and the pods {pods}"
    ))
}

async fn connect(local: &Local) -> Result<Client, Failure> {
    // A server that is broken on purpose is waited for.
    let options = async_nats::ConnectOptions::new().max_reconnects(None);
    options.connect(local.nats_url()).await.map_err(Failure::unreachable)
}

/// Breaks what the plan says, and mends it. Nothing else may break until all is over.
async fn break_things(
    plan: &Plan,
    local: &mut Local,
    began: Instant,
    mut is_over: oneshot::Receiver<()>,
) -> Result<Vec<Fault>, Failure> {
    let mut steps: Vec<(f64, bool, usize)> = Vec::new();
    for (nth, fault) in plan.faults.iter().enumerate() {
        steps.push((fault.at_s, true, nth));
        steps.push((fault.at_s + fault.for_s, false, nth));
    }
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut done = Vec::new();
    for (at_s, breaks, nth) in steps {
        local.stands_until(began + Duration::from_secs_f64(at_s)).await?;
        let fault = &plan.faults[nth];
        match breaks {
            true => {
                local.break_it(fault.what, &fault.of).await?;
                let what = format!("{} {}", fault.what.as_str(), fault.of);
                done.push(Fault { at_s, for_s: fault.for_s, what, longest_wait_ms: 0.0 });
            }
            false => local.mend(fault.what, &fault.of).await?,
        }
    }
    while is_over.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
        local.stands_until(Instant::now() + LOOKS_APART).await?;
    }
    Ok(done)
}

/// What a pod has left to do, by its metrics.
const LEFT: [&str; 3] =
    ["earmark_lane_lag_messages", "earmark_partition_unreleased", "earmark_holds_awaited"];

/// Waits until the pods serve all partitions, have read all that the log has, and said what is to
/// be said; whether they have within so long.
async fn all_is_read(plan: &Plan, urls: &[String], within: Duration) -> bool {
    let until = Instant::now() + within;
    let mut quiet = 0;
    while quiet < 2 {
        if Instant::now() >= until {
            return false;
        }
        sleep(LOOKS_APART).await;
        let (mut left, mut serving) = (0.0, 0.0);
        for url in urls {
            left += look::sum(url, &LEFT).await.unwrap_or(1.0);
            serving += look::sum(url, &[look::SERVING]).await.unwrap_or(0.0);
        }
        let rests = left == 0.0 && serving >= f64::from(plan.pods.partitions);
        quiet = if rests { quiet + 1 } else { 0 };
    }
    true
}

/// What a report is made from, beside what was played.
struct Told {
    began_at: Timestamp,
    looks: Vec<Look>,
    faults: Vec<Fault>,
    audited: Audited,
    unsettled: Option<String>,
}

impl Told {
    fn report(self, plan: &Plan, played: Played) -> Report {
        let Played { measure, hot, settled_after_s, .. } = played;
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan: plan.name.clone(),
            about: plan.about.clone(),
            plan_hash: plan.hash(),
            rate: plan.rate,
            seed: plan.seed,
            began: time::format(self.began_at),
            machine: Machine {
                processors: std::thread::available_parallelism().map_or(1, usize::from),
                pods: plan.pods.count as usize,
                partitions: plan.pods.partitions,
            },
            duration_s: plan.duration_s(),
            settled_after_s,
            waits: measure.waits(),
            looks: self.looks,
            hot,
            outcomes: measure.outcomes().clone(),
            faults: with_waits(self.faults, &measure),
            verdict: self.audited.findings,
            unchecked: self.audited.unchecked,
            unsettled: self.unsettled,
            seconds: Vec::new(),
            objectives: Vec::new(),
        };
        report.seconds = measure.seconds();
        report.objectives = objectives::check(&plan.objectives, &report);
        report
    }
}

fn with_waits(faults: Vec<Fault>, measure: &Measure) -> Vec<Fault> {
    let with = |fault: Fault| {
        let until = fault.at_s + fault.for_s + AFTER_FAULT_S;
        Fault { longest_wait_ms: measure.longest_ms(fault.at_s, until), ..fault }
    };
    faults.into_iter().map(with).collect()
}
