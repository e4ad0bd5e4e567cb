//! How a load test goes, for whoever watches: a few lines that are drawn anew, or one now and then
//! where there is no screen.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::watch;

use crate::{
    cli::print,
    load::{conductor::Watched, player::Shown, report::Look},
};

/// How often the screen is drawn anew.
const DRAW_EVERY: Duration = Duration::from_millis(250);
/// How often a line is written where there is no screen, in seconds.
const LINE_EVERY: u64 = 10;

/// Draws how it goes until nobody tells any more.
pub fn watch(watched: Watched) {
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
         {logged} in the log; level {}, lanes late by {late:.1} s at most, {} units short",
        look.level, look.short_units
    );
    for (kind, [p50, p99, p999]) in waits {
        let name = kind.as_str();
        text.push_str(&format!("\n{name:<10} p50 {p50:.1}, p99 {p99:.1}, p99.9 {p999:.1} ms"));
    }
    text
}
