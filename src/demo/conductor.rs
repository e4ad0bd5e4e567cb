//! Starts the player, kills it in the middle of the day, starts it again, and hears it out.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{
    Line, Plan, Progress, player,
    report::{Day, Report, Run},
};
use crate::error::{Exit, Failure};

/// What the player writes beside its lines.
const LOG: &str = "demo.log";
/// How long the player may take to end, once it has said all.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Plays a day in a directory; `show` is told how far it is.
pub async fn conduct(
    plan: Plan,
    dir: &Path,
    mut show: impl FnMut(&Shown),
) -> Result<Report, Failure> {
    player::claim(plan, dir)?;
    let began = Instant::now();
    let mut run = Conducting::default();
    let mut shown = Shown::default();
    let mut player = Player::start(plan, dir)?;
    let day = loop {
        match player.line().await? {
            None => return Err(player.gone(dir).await),
            Some(Line::Over(day)) => break *day,
            Some(Line::Progress(progress)) => {
                run.note(&progress);
                shown.take(&progress, run.crashes);
                show(&shown);
                if run.is_time_to_crash(plan) {
                    player.kill().await?;
                    run.crashed();
                    shown.killed();
                    show(&shown);
                    player = Player::start(plan, dir)?;
                }
            }
        }
    };
    player.end().await?;
    Ok(Report { plan, run: run.done(&day, began.elapsed()), day })
}

/// How far the day is, for people.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The time of the day, `HH:MM`.
    pub at: String,
    /// What is going on.
    pub doing: String,
    /// Events that have been published.
    pub published: u64,
    /// Times that the pod was killed.
    pub crashes: u32,
}

impl Shown {
    fn take(&mut self, progress: &Progress, crashes: u32) {
        self.at.clone_from(&progress.at);
        self.doing.clone_from(&progress.doing);
        self.published = self.published.max(progress.published);
        self.crashes = crashes;
    }

    fn killed(&mut self) {
        self.crashes += 1;
        "the pod was killed".clone_into(&mut self.doing);
    }
}

/// What the players were heard to say.
#[derive(Default)]
struct Conducting {
    crashes: u32,
    /// Of players before this one.
    before: (u64, u64),
    /// Of this one: answers and milliseconds.
    now: (u64, u64),
    /// What the log had when the first player began, and has now.
    published: Option<(u64, u64)>,
    answered_us: Vec<u32>,
}

impl Conducting {
    fn note(&mut self, progress: &Progress) {
        self.now = (progress.decided, progress.playing_ms);
        let first = self.published.map_or(progress.published, |(first, _)| first);
        self.published = Some((first, progress.published));
        self.answered_us.extend(&progress.answered_us);
    }

    /// Once, in the middle of the day, if it began before that.
    fn is_time_to_crash(&self, plan: Plan) -> bool {
        let middle = u64::from(plan.events) / 2;
        self.crashes == 0
            && self.published.is_some_and(|(first, now)| first < middle && now >= middle)
    }

    fn crashed(&mut self) {
        self.crashes += 1;
        let (answers, ms) = std::mem::take(&mut self.now);
        self.before = (self.before.0 + answers, self.before.1 + ms);
    }

    fn done(mut self, day: &Day, took: Duration) -> Run {
        let first = self.published.map_or(0, |(first, _)| first);
        let published = day.counts.events.saturating_sub(first);
        let seconds = ((self.before.1 + self.now.1) as f64 / 1e3).max(1e-3);
        self.answered_us.sort_unstable();
        let at = |share: f64| {
            let last = self.answered_us.len().saturating_sub(1);
            let place = (last as f64 * share).round() as usize;
            f64::from(self.answered_us.get(place).copied().unwrap_or(0)) / 1e3
        };
        Run {
            crashes: self.crashes,
            seconds: took.as_secs_f64(),
            published,
            events_per_s: published as f64 / seconds,
            decisions_per_s: (self.before.0 + self.now.0) as f64 / seconds,
            answer_p50_ms: at(0.5),
            answer_p99_ms: at(0.99),
        }
    }
}

/// The process that plays.
struct Player {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Player {
    fn start(plan: Plan, dir: &Path) -> Result<Player, Failure> {
        let failed = |error: std::io::Error| {
            Failure::new(Exit::Failed, format!("start the pod of the demo: {error}"))
        };
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log(dir));
        let Plan { events, skus, seed } = plan;
        let mut child = Command::new(std::env::current_exe().map_err(failed)?)
            .args(["demo", "--player", "--events", &events.to_string()])
            .args(["--skus", &skus.to_string(), "--seed", &seed.to_string(), "--data"])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.map_err(failed)?)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let out = child.stdout.take();
        let out = out.ok_or_else(|| failed(std::io::Error::other("it has no output")))?;
        Ok(Player { child, lines: BufReader::new(out).lines() })
    }

    /// What it says next; nothing if it has ended.
    async fn line(&mut self) -> Result<Option<Line>, Failure> {
        loop {
            let line = self.lines.next_line().await;
            let line = line.map_err(|error| Failure::new(Exit::Failed, error))?;
            let Some(line) = line else { return Ok(None) };
            if let Ok(line) = serde_json::from_str(&line) {
                return Ok(Some(line));
            }
        }
    }

    /// SIGKILL: it cannot do anything about it.
    async fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(|error| Failure::new(Exit::Failed, error))
    }

    /// It has said all; the directory is free when it has ended.
    async fn end(mut self) -> Result<(), Failure> {
        match tokio::time::timeout(END_WITHIN, self.child.wait()).await {
            Ok(ended) => ended.map(drop).map_err(|error| Failure::new(Exit::Failed, error)),
            Err(_) => self.kill().await,
        }
    }

    async fn gone(mut self, dir: &Path) -> Failure {
        let status = self.child.wait().await.map_or_else(|e| e.to_string(), |s| s.to_string());
        let text = format!("the pod of the demo ended by itself ({status})");
        let said = std::fs::read_to_string(log(dir)).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(3).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        Failure::new(Exit::Failed, text).advise(format!(
            "read {}; it ends with:\n{}",
            log(dir).display(),
            last.join("\n")
        ))
    }
}

fn log(dir: &Path) -> PathBuf {
    dir.join(LOG)
}
