//! The progress bar: on standard error, if that is a terminal; otherwise a line there when it does
//! not go on, and when it does again.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Summary;
use crate::cli::print;

const BY_BYTES: &str = "{bar:30} {bytes}/{total_bytes} {msg}";
const BY_NOTHING: &str = "{spinner} {elapsed} {msg}";
const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Shows how far it has come.
pub struct Progress {
    bar: ProgressBar,
    waits_for: Option<&'static str>,
}

impl Progress {
    /// Of an input of this size, if that is known.
    pub fn of(size: Option<u64>) -> Progress {
        let (bar, template) = match size {
            Some(size) => (ProgressBar::new(size), BY_BYTES),
            None => (ProgressBar::new_spinner(), BY_NOTHING),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(REDRAW_EVERY);
        Progress { bar, waits_for: None }
    }

    /// The input has been read up to here.
    pub fn read_to(&self, bytes: u64) {
        self.bar.set_position(bytes);
    }

    /// How it stands.
    pub(super) fn show(&mut self, summary: &Summary, waits_for: Option<&'static str>) {
        let Summary { published, refused, .. } = summary;
        if self.bar.is_hidden() {
            let before = std::mem::replace(&mut self.waits_for, waits_for);
            match waits_for {
                now if now == before => {}
                Some(what) => print::aside(format_args!("{published} published; {what}")),
                None => print::aside(format_args!("{published} published; it goes on")),
            }
            return;
        }
        let waits = waits_for.unwrap_or_default();
        self.bar.set_message(format!("{published} published, {refused} refused {waits}"));
    }

    /// A message in place of the numbers.
    pub fn say(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Writes something beside the bar.
    pub fn aside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
