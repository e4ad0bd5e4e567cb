//! What came of scenarios: for machines as it is, for people line by line.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::{
    expect::Mismatch,
    said::Letter,
    step::{Step, What},
};
use crate::contract::time;

/// What came of all scenarios.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Everything was as it was expected.
    pub passed: bool,
    /// How long it took.
    pub seconds: f64,
    /// What came of each.
    pub scenarios: Vec<Played>,
}

/// What came of a scenario.
#[derive(Debug, Serialize)]
pub struct Played {
    /// Its file.
    pub file: String,
    /// What it is about.
    pub name: String,
    /// Everything was as it was expected.
    pub passed: bool,
    /// How long it took.
    pub seconds: f64,
    /// Its steps, as far as it came.
    pub steps: Vec<StepPlayed>,
    /// Why it ended in its last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of a step.
#[derive(Debug, Serialize)]
pub struct StepPlayed {
    /// Its line in the file.
    pub line: u64,
    /// When it was.
    pub at: String,
    /// What happened.
    pub what: String,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// What was not as it was expected.
    pub mismatches: Vec<Mismatch>,
}

impl StepPlayed {
    /// A step of which nothing has been compared.
    pub(super) fn new(step: &Step) -> StepPlayed {
        let what = match &step.what {
            What::Pass => "time passes".to_owned(),
            What::Expect(_) => "expect".to_owned(),
            What::Send(send) => {
                let again = if send.again { "again: " } else { "" };
                format!("{again}{} {} {}", send.key, send.body.kind(), send.id)
            }
        };
        let (line, at) = (step.line, time::format(step.at));
        StepPlayed { line, at, what, answer: None, mismatches: Vec::new() }
    }

    fn answered(&self) -> Option<String> {
        let answer = self.answer.as_ref()?;
        let text = |field: &str| answer.get(field).and_then(Value::as_str);
        let mut told = text("status")?.to_owned();
        // The message of a refusal begins with its reason.
        if let Some(why) = text("message").or_else(|| text("reason")) {
            told.push_str(&format!(": {why}"));
        }
        if answer.get("repeated") == Some(&Value::Bool(true)) {
            told.push_str(" (repeated)");
        }
        Some(told)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { what, expected, found } = self;
        write!(f, "{what}: expected {expected}, found {found}")
    }
}

impl fmt::Display for StepPlayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {:<4} {}  {}", self.line, self.at, self.what)?;
        self.answered().iter().try_for_each(|answer| write!(f, "  -> {answer}"))
    }
}

impl Played {
    /// What was not as it was expected, each with its line.
    pub fn complaints(&self) -> Vec<String> {
        let of = |step: &StepPlayed| {
            let line = step.line;
            let told = step.mismatches.iter().map(|m| format!("line {line}: {m}"));
            told.collect::<Vec<_>>()
        };
        let mut complaints: Vec<String> = self.steps.iter().flat_map(of).collect();
        let last = self.steps.last().map_or(0, |step| step.line);
        complaints.extend(self.error.iter().map(|error| format!("line {last}: {error}")));
        complaints
    }
}

impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.passed { "passed" } else { "FAILED" };
        writeln!(f, "{} ({}): {verdict}, {:.2} s", self.name, self.file, self.seconds)?;
        for (index, step) in self.steps.iter().enumerate() {
            let broke = self.error.is_some() && index + 1 == self.steps.len();
            let failed = broke || !step.mismatches.is_empty();
            writeln!(f, "  {} {step}", if failed { "FAIL" } else { "  ok" })?;
            step.mismatches.iter().try_for_each(|m| writeln!(f, "         {m}"))?;
        }
        self.error.iter().try_for_each(|error| writeln!(f, "         {error}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.scenarios.iter().filter(|played| !played.passed).count();
        let of = match self.scenarios.len() {
            1 => "1 scenario".to_owned(),
            many => format!("{many} scenarios"),
        };
        write!(f, "{of}, {failed} failed, {:.2} s", self.seconds)
    }
}

/// A dead letter and why it is one.
pub(super) fn told(letter: &Letter) -> String {
    format!("{} ({})", letter.id, letter.reason)
}
