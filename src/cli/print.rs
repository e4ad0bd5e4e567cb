//! How commands write: tables for people, JSON for machines, times as people read them.
//!
//! Promise: whoever stopped reading misses nothing that they wanted; output that is lost otherwise,
//! as on a full disk, ends the command with its status.

use std::io::{self, ErrorKind, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    contract::time,
    domain::time::{Span, Timestamp},
    error::Exit,
};

/// A line on standard output.
pub fn line(text: impl std::fmt::Display) {
    written(|out| writeln!(out, "{text}"));
}

/// A text of many lines on standard output, as it is.
pub fn page(text: &str) {
    written(|out| out.write_all(text.as_bytes()));
}

/// A line on standard error, where nobody may be any more to read it.
pub fn aside(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn written(write: impl FnOnce(&mut io::Stdout) -> io::Result<()>) {
    let mut out = io::stdout();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            aside(format_args!("earmark: the output cannot be written: {error}"));
            aside("  what to do: write it elsewhere, or make room");
            std::process::exit(Exit::Failed as i32);
        }
        Ok(()) | Err(_) => {}
    }
}

/// A value as JSON on standard output.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string_pretty(value) {
        Ok(text) => line(text),
        Err(error) => aside(format_args!("earmark: this cannot be written as JSON: {error}")),
    }
}

/// A value as one line of JSON on standard error.
pub fn json_error(value: &impl Serialize) {
    aside(serde_json::to_string(value).unwrap_or_default());
}

/// How wide a table is that is not written to a terminal.
const WIDTH: u16 = 160;

/// An empty table with these headings, as wide as the terminal.
pub fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    if !table.is_tty() {
        table.set_width(WIDTH);
    }
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().copied());
    table
}

/// A point in time, to the millisecond; `-` for none.
pub fn at(at: Timestamp) -> String {
    match at.0 {
        0 => "-".to_owned(),
        micros => time::format(Timestamp(micros - micros.rem_euclid(1_000))),
    }
}

/// A span of time in the unit that suits it.
pub fn span(span: Span) -> String {
    let seconds = span.0 as f64 / 1e6;
    match seconds.abs() {
        s if s < 1.0 => format!("{:.0} ms", seconds * 1e3),
        s if s < 120.0 => format!("{seconds:.1} s"),
        s if s < 7_200.0 => format!("{:.0} min", seconds / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// A number of bytes in the unit that suits it.
pub fn bytes(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
