//! What is published in which phase, as files for `earmark publish`; and what has been, in numbers.

use std::{collections::BTreeSet, fs, path::Path, time::Instant};

use tempfile::TempDir;

use crate::{
    convert::{Conversion, ORDERS, Phase, SHIPMENTS, STOCK, shipments::Granted, twice},
    streams::Stored,
};

/// The events of a play.
pub struct Script {
    conversion: Conversion,
    files: TempDir,
    events: usize,
    began: Instant,
    /// Where those who ask what came of their events listen.
    answers_to: Option<&'static str>,
}

/// A part of what a phase sends at first.
pub struct Part {
    /// Where its file is.
    pub file: String,
    /// How many lines that has.
    pub lines: usize,
    /// Different events of the play until its end.
    pub events: usize,
}

/// One event in so many is of somebody who asks what came of it.
const ASKED: u64 = 3;

impl Script {
    pub fn new(conversion: Conversion) -> Script {
        let files = tempfile::tempdir().expect("a temporary directory can be made");
        Script { conversion, files, events: 0, began: Instant::now(), answers_to: None }
    }

    /// What came of some of the events is asked for, from now on.
    pub fn ask(&mut self, answers_to: &'static str) {
        self.answers_to = Some(answers_to);
    }

    /// Writes the files of the first phase: the stock.
    pub fn stock(&mut self) {
        self.begin(STOCK, self.conversion.stock());
    }

    /// Writes the files of the second: orders and payments.
    pub fn orders(&mut self) {
        self.begin(ORDERS, self.conversion.orders());
    }

    /// Writes the files of the third: what was granted, as EARMARK_OUT says, ships.
    pub fn shipments(&mut self, out: &[Stored]) {
        let mut granted = Granted::default();
        for stored in out {
            granted.note(&stored.payload).expect("EARMARK_OUT has outcomes");
        }
        self.begin(SHIPMENTS, self.conversion.shipments(&granted));
    }

    fn begin(&mut self, stem: &str, mut phase: Phase) {
        for event in phase.first.iter_mut().chain(&mut phase.again) {
            let asked = twice::draw(self.seed(), "asked", &event.id).is_multiple_of(ASKED);
            if let Some(answers_to) = self.answers_to.filter(|_| asked) {
                let with = format!("{{\"replyto\":\"{answers_to}\",");
                event.json = event.json.replacen('{', &with, 1);
            }
        }
        phase.write(self.files.path(), stem).expect("the events can be written");
        let mut ids: Vec<&str> = phase.first.iter().map(|event| event.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        self.events += ids.len();
    }

    /// Cuts what the last phase sends at first into parts, as large as these numbers are beside each
    /// other.
    pub fn parts(&self, stem: &str, sizes: &[f64]) -> Vec<Part> {
        let text = fs::read_to_string(self.file(&format!("{stem}.ndjson")));
        let text = text.expect("the events can be read");
        let lines: Vec<&str> = text.lines().collect();
        let mut ids: BTreeSet<String> = lines.iter().map(|line| id_of(line)).collect();
        let before = self.events - ids.len();
        ids.clear();
        let all: f64 = sizes.iter().sum();
        let (mut parts, mut until, mut begin) = (Vec::new(), 0.0, 0);
        for (nth, size) in sizes.iter().enumerate() {
            until += size;
            let end = if nth + 1 == sizes.len() { 1.0 } else { until / all };
            let end = (end * lines.len() as f64) as usize;
            let own = &lines[begin..end];
            let file = self.file(&format!("{stem}-{nth}.ndjson"));
            fs::write(&file, own.join("\n")).expect("the events can be written");
            ids.extend(own.iter().map(|line| id_of(line)));
            parts.push(Part { file, lines: own.len(), events: before + ids.len() });
            begin = end;
        }
        parts
    }

    /// Where a file of a phase is.
    pub fn file(&self, name: &str) -> String {
        self.path().join(name).to_str().expect("a path of text").to_owned()
    }

    fn path(&self) -> &Path {
        self.files.path()
    }

    /// Different events of the phases that have begun.
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many events have been decided when so much of a phase has that began after `before`
    /// events. Another seed, a little other points.
    pub fn part(&self, before: usize, percent: usize) -> usize {
        let drawn = twice::draw(self.seed(), "when", &percent.to_string());
        let percent = percent + usize::from(drawn as u8 % 15);
        before + (self.events - before) * percent / 100
    }

    pub fn seed(&self) -> u64 {
        self.conversion.seed()
    }

    pub fn say(&self, what: &str) {
        println!("{:>6.1} s  {what}", self.began.elapsed().as_secs_f64());
    }
}

fn id_of(line: &str) -> String {
    let event: serde_json::Value = serde_json::from_str(line).expect("an event is JSON");
    event["id"].as_str().expect("an event has an id").to_owned()
}
