//! `earmark load`: plays a promotion before shoppers do.

use std::{io::IsTerminal, path::PathBuf, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use super::{Context, print};
use crate::{
    error::{Exit, Failure},
    load::{
        conductor::{Watched, conduct},
        plan::Plan,
        player::Shown,
        report::{Look, Report, Waits},
    },
    signals::Signals,
};

/// How often the screen is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(250);
/// How often a line is written where there is no screen.
const LINE_EVERY: u64 = 10;

/// Play a promotion before shoppers do, and say whether every promise was kept.
///
/// A plan says who comes when, what is sold, what goes wrong, and what has to hold; `config/load` has
/// seven. nats-server, Redis and pods are started for it, on this machine, and end with it. Shoppers
/// come when the plan says, however slowly they are answered, and all waits are counted from then.
/// Afterwards the journal is folded anew and compared with every log, and with what shoppers heard.
///
/// The exit code is 1 if a promise was broken or an objective was missed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark load config/load/flash-sale.toml
  earmark load config/load/black-friday.toml --rate 2 --report black-friday.html --json
  earmark load config/load/steady.toml --servers target/servers")]
pub struct Load {
    /// The plan (TOML).
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// As many shoppers as the plan has, times this.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    rate: f64,
    /// What chance begins with, instead of the plan's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where nats-server and redis-server are, if not where commands are.
    #[arg(long, value_name = "DIR", env = "EARMARK_SERVERS")]
    servers: Option<PathBuf>,
    /// Write the page with plots here.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Load {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut plan = Plan::read(&self.plan)?;
        plan.seed = self.seed.unwrap_or(plan.seed);
        if !(self.rate > 0.0 && self.rate <= 1_000.0) {
            let text = format!("--rate: found {}, expected above 0 to 1000", self.rate);
            return Err(Failure::new(Exit::Usage, text));
        }
        plan.arrivals = plan.arrivals.times(self.rate);
        let mut signals = Signals::listen()?;
        let report = tokio::select! {
            biased;
            () = signals.next() => {
                return Err(Failure::new(Exit::Failed, "the load test was interrupted"));
            }
            report = conduct(&plan, self.servers.as_deref(), watch) => report?,
        };
        self.tell(&report, context.json)?;
        Ok(if report.holds() { Exit::Done } else { Exit::Failed })
    }

    fn tell(&self, report: &Report, json: bool) -> Result<(), Failure> {
        match json {
            true => print::json(report),
            false => told(report),
        }
        Ok(())
    }
}

/// Draws how it goes until nobody tells any more.
fn watch(watched: Watched) {
    let Watched { mut shown, seen } = watched;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    let has_screen = std::io::stderr().is_terminal();
    tokio::spawn(async move {
        let mut said = (String::new(), u64::MAX);
        while shown.changed().await.is_ok() {
            let now = shown.borrow_and_update().clone();
            let text = screen(&now, &seen);
            if has_screen {
                bar.set_message(text);
                bar.tick();
            } else {
                let due = (now.doing.clone(), (now.at_s.max(0.0) as u64) / LINE_EVERY);
                if due != said {
                    print::aside(text.replace('\n', "  "));
                    said = due;
                }
            }
            tokio::time::sleep(DRAW_EVERY).await;
        }
        bar.finish_and_clear();
    });
}

fn screen(shown: &Shown, seen: &watch::Receiver<Look>) -> String {
    let Shown { doing, at_s, rates: (asked, answered), waits, unanswered, logged } = shown;
    if *at_s < 0.0 {
        return doing.clone();
    }
    let look = seen.borrow();
    let late = look.late_s.values().copied().fold(0.0, f64::max);
    let mut text = format!(
        "{at_s:.0} s  {doing}\n{asked} asked and {answered} answered a second, {unanswered} wait, \
         {logged} in the log; level {}, lanes late by {late:.1} s at most",
        look.level
    );
    for (kind, [p50, p99, p999]) in waits {
        let name = kind.as_str();
        text.push_str(&format!("\n{name:<10} p50 {p50:.1}, p99 {p99:.1}, p99.9 {p999:.1} ms"));
    }
    text
}

fn told(report: &Report) {
    let headings =
        ["", "asked", "decided", "refused", "busy", "unanswered", "p50", "p99", "p99.9", "longest"];
    let mut table = print::table(&headings);
    for (kind, waits) in &report.waits {
        let Waits { asked, answered, refused, busy, unanswered, .. } = waits;
        let counts = [asked, answered, refused, busy, unanswered].map(u64::to_string);
        let times = [waits.p50_ms, waits.p99_ms, waits.p999_ms, waits.max_ms]
            .map(|wait| format!("{wait:.1} ms"));
        let name = [kind.as_str().to_owned()];
        table.add_row(name.into_iter().chain(counts).chain(times));
    }
    print::line(table);
    for objective in &report.objectives {
        let holds = if objective.holds { "reached" } else { "MISSED" };
        let (name, wanted, found) = (&objective.name, objective.wanted, objective.found);
        print::line(format!("{holds}: {name}, {wanted} wanted, {found:.3} found"));
    }
    let levels: Vec<String> = report.levels().iter().map(u8::to_string).collect();
    let settled = report.settled_after_s;
    print::line(format!(
        "levels of safe mode: {}; all that was begun was over {settled:.1} s after the last shopper",
        levels.join(" ")
    ));
    for (name, list) in report.verdict.lists() {
        print::line(format!("{name}: {}", list.len()));
        list.iter().for_each(|line| print::line(format!("  {line}")));
    }
    match report.verdict.is_clean() {
        true => print::line("every promise was kept"),
        false => print::line("PROMISES WERE BROKEN"),
    }
}
