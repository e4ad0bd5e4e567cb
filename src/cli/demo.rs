//! `earmark demo`: a promotion day, a crash in the middle, and what came of it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::{
    config::Settings,
    demo::{
        Plan,
        conductor::{Shown, conduct},
        player,
        report::{Report, Run},
    },
    error::{Exit, Failure},
    signals::Signals,
    telemetry::logging,
};

/// Play a promotion day on this machine alone: nothing has to be installed.
///
/// Shoppers fill carts, order, pay, cancel and come back; publishers repeat themselves, come late
/// and send what nobody can read; the pod is killed in the middle and started again. Then every
/// unit, every event and every effect is counted. The exit code is 1 if any promise was broken.
///
/// The same numbers give the same day. With --data, a day that was interrupted is gone on with.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark demo
  earmark demo --events 100000 --seed 7 --json
  earmark demo --data day     # interrupt it however you like, and start it again")]
pub struct Demo {
    /// About how many events there are.
    #[arg(long, value_name = "N", default_value_t = 40_000,
        value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    events: u32,
    /// How many SKUs are sold.
    #[arg(long, value_name = "N", default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(3..=100_000))]
    skus: u32,
    /// What chance begins with.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep everything in this directory. Without it, a temporary one is used and removed.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Play, for the demo that has started this.
    #[arg(long, hide = true, requires = "data")]
    player: bool,
}

impl Demo {
    pub(super) fn run(self, settings: &Settings, json: bool) -> Result<ExitCode, Failure> {
        let Demo { events, skus, seed, .. } = self;
        let plan = Plan { events, skus, seed };
        if let (true, Some(dir)) = (self.player, self.data.clone()) {
            logging::start(&settings.log);
            return player::play(plan, dir);
        }
        let failed = |error: std::io::Error| Failure::new(Exit::Failed, error);
        let temporary = tempfile::tempdir().map_err(failed)?;
        let kept = self.data.is_some();
        let dir = self.data.unwrap_or_else(|| temporary.path().to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut shower = Shower::new(u64::from(events));
        let mut interrupted = false;
        let played = runtime.map_err(failed)?.block_on(async {
            let mut signals = Signals::listen()?;
            tokio::select! {
                biased;
                () = signals.next() => {
                    interrupted = true;
                    Err(stopped(&dir, kept))
                }
                played = conduct(plan, &dir, |at| shower.show(at)) => played,
            }
        });
        shower.done();
        let went_wrong = match &played {
            Ok(report) => !report.day.broken.is_empty(),
            Err(_) => !interrupted,
        };
        if went_wrong && !kept {
            let kept = temporary.keep();
            print::aside(format_args!("what was played is kept in {}", kept.display()));
        }
        let report = played?;
        match json {
            true => print::json(&report),
            false => told(&report),
        }
        Ok(if report.day.broken.is_empty() { Exit::Done } else { Exit::Failed }.into())
    }
}

fn stopped(dir: &Path, kept: bool) -> Failure {
    let failure = Failure::new(Exit::Failed, "the day was interrupted");
    match kept {
        true => failure.advise(format!("the same command goes on in {}", dir.display())),
        false => failure,
    }
}

/// The bar; without a terminal, a line an hour of the day.
struct Shower {
    bar: ProgressBar,
    hour: String,
    doing: String,
}

impl Shower {
    fn new(events: u64) -> Shower {
        let bar = ProgressBar::new(events);
        let template = "{bar:30} {pos:>6} events  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Shower { bar, hour: String::new(), doing: String::new() }
    }

    fn show(&mut self, shown: &Shown) {
        let Shown { at, doing, published, crashes } = shown;
        if self.bar.is_hidden() {
            let hour = at.get(..2).unwrap_or_default();
            if self.hour != hour || &self.doing != doing {
                print::aside(format_args!("{at}  {published} events, {doing}"));
            }
            hour.clone_into(&mut self.hour);
            self.doing.clone_from(doing);
            return;
        }
        // The plan's number is about right; the bar must not run over.
        self.bar.set_length(self.bar.length().unwrap_or(0).max(*published));
        self.bar.set_position(*published);
        let crash = if *crashes > 0 { ", killed once" } else { "" };
        self.bar.set_message(format!("{at}  {doing}{crash}"));
    }

    fn done(&self) {
        self.bar.finish_and_clear();
    }
}

fn told(report: &Report) {
    let Report { day, run, plan } = report;
    let counts = &day.counts;
    let mut table = print::table(&["a promotion day", ""]);
    let mut row = |what: &str, number: String| {
        table.add_row([what.to_owned(), number]);
    };
    row("seed", plan.seed.to_string());
    row("events", counts.events.to_string());
    row("duplicates ignored", counts.duplicates_ignored.to_string());
    for (kind, number) in &counts.holds {
        row(&format!("holds {}", kind.replace('_', " ")), number.to_string());
    }
    for (status, number) in &counts.orders {
        row(&format!("orders {}", status.replace('_', " ")), number.to_string());
    }
    row("refunds due", counts.refunds_due.to_string());
    for (reason, number) in &counts.dead_letters {
        row(&format!("dead letters, {reason}"), number.to_string());
    }
    row("units received", counts.units.received.to_string());
    row("units shipped", counts.units.shipped.to_string());
    row("units promised", counts.units.promised.to_string());
    row("units oversold", counts.units.oversold.to_string());
    row("SKUs whose conservation was checked", counts.skus_checked.to_string());
    row("state", day.state.clone());
    print::line(table);
    let Run { crashes, seconds, events_per_s, decisions_per_s, .. } = run;
    print::line(format!(
        "{events_per_s:.0} events and {decisions_per_s:.0} decisions a second, answered in \
         {:.1} ms (p50), {:.1} ms (p99); {crashes} crash, {seconds:.0} s in all",
        run.answer_p50_ms, run.answer_p99_ms
    ));
    match day.broken.is_empty() {
        true => print::line("every promise was kept"),
        false => print::line("PROMISES WERE BROKEN:"),
    }
    day.broken.iter().for_each(print::line);
}
