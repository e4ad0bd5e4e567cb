//! Instructions of the inner steps against what was written down: a regression is seen on a noisy
//! machine, too.
//!
//! The steps are those of `benches/instructions`, counted under valgrind in the profile of the
//! tests, so that nothing is built twice. Another compiler makes other code of the same source: then
//! the slack is wider. EARMARK_COUNTS=write writes the counts down anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// How much more a step may take than was written down.
const SLACK: f64 = 1.05;
/// The same, if it was written down with another compiler.
const SLACK_OF_ANOTHER: f64 = 1.5;
const FILE: &str = "benches/instructions/counts.toml";
const HEADER: &str = "\
# Instructions of the inner steps, as `make counts` has counted them; `tests/instructions` fails when
# one takes more than 5 % more. A count that fell is written down anew, too: it is the next floor.
";

#[test]
fn no_step_takes_more_instructions_than_was_written_down() {
    let counted = count();
    let compiler = output(Command::new("rustc").arg("--version"));
    let file = root().join(FILE);
    if std::env::var("EARMARK_COUNTS").is_ok_and(|what| what == "write") {
        return fs::write(file, written(&compiler, &counted)).expect("the file can be written");
    }
    let text = fs::read_to_string(file).expect("the counts have been written down: make counts");
    let (known_compiler, known) = read(&text);
    let slack = if known_compiler == compiler { SLACK } else { SLACK_OF_ANOTHER };
    let names = |counts: &BTreeMap<String, u64>| counts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&counted), names(&known), "steps came or went: make counts");
    let too_many =
        counted.iter().filter(|(step, count)| **count as f64 > known[*step] as f64 * slack);
    let too_many: Vec<String> = too_many
        .map(|(step, count)| {
            format!("{step}: {count} instructions, {} were written down", known[step])
        })
        .collect();
    assert!(too_many.is_empty(), "\n{}\nif it must be so: make counts", too_many.join("\n"));
}

#[test]
fn counts_are_read_as_they_are_written() {
    let counts = BTreeMap::from([("codec/decode.hold".to_owned(), 12_345)]);
    assert_eq!(read(&written("rustc 1.0", &counts)), ("rustc 1.0".to_owned(), counts));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Runs the steps; the instructions of each.
fn count() -> BTreeMap<String, u64> {
    let runner = root().join("target/servers/bin/gungraun-runner");
    assert!(runner.exists(), "gungraun-runner is missing: `make servers` installs it");
    let dir = tempfile::tempdir().expect("a directory can be made");
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(root())
        .args(["bench", "--locked", "--bench", "instructions", "--profile", "dev", "--"])
        .arg("--save-summary=json")
        .arg(format!("--home={}", dir.path().display()))
        .env("GUNGRAUN_RUNNER", runner);
    for name in of_this_package() {
        command.env_remove(name);
    }
    output(&mut command);
    let mut counts = BTreeMap::new();
    collect(dir.path(), &mut counts);
    assert!(!counts.is_empty(), "no step was counted");
    counts
}

/// What cargo tells a test of its package. A build script that asks for such a variable (ring's
/// does) would run again, and all that is built on it be built anew.
fn of_this_package() -> impl Iterator<Item = String> {
    let names = std::env::vars().map(|(name, _)| name);
    names.filter(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}

fn collect(dir: &Path, counts: &mut BTreeMap<String, u64>) {
    let entries = fs::read_dir(dir).expect("the directory can be read").flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, counts);
        } else if path.file_name().is_some_and(|name| name == "summary.json") {
            let (step, count) = step(&path);
            counts.insert(step, count);
        }
    }
}

fn step(path: &PathBuf) -> (String, u64) {
    let text = fs::read_to_string(path).expect("a summary can be read");
    let summary: Value = serde_json::from_str(&text).expect("a summary is JSON");
    let name = |field: &str| summary[field].as_str().unwrap_or_default().to_owned();
    let count = instructions(&summary).unwrap_or_else(|| panic!("{}: {text}", path.display()));
    (format!("{}.{}", name("function_name"), name("id")), count)
}

/// The first number of instructions in a summary.
fn instructions(value: &Value) -> Option<u64> {
    match value {
        Value::Object(fields) => match fields.get("Ir") {
            Some(ir) => first_number(ir),
            None => fields.values().find_map(instructions),
        },
        Value::Array(values) => values.iter().find_map(instructions),
        _ => None,
    }
}

fn first_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::Object(fields) => fields.values().find_map(first_number),
        Value::Array(values) => values.iter().find_map(first_number),
        _ => None,
    }
}

fn written(compiler: &str, counts: &BTreeMap<String, u64>) -> String {
    let lines = counts.iter().map(|(step, count)| format!("\"{step}\" = {count}\n"));
    format!("{HEADER}compiler = \"{compiler}\"\n\n[counts]\n{}", lines.collect::<String>())
}

fn read(text: &str) -> (String, BTreeMap<String, u64>) {
    let table = config::Config::builder()
        .add_source(config::File::from_str(text, config::FileFormat::Toml))
        .build()
        .expect("the counts are TOML");
    let compiler = table.get_string("compiler").expect("the compiler is named");
    let counts = table.get_table("counts").expect("there are counts");
    let number = |value: config::Value| value.into_uint().expect("a count is a number");
    (compiler, counts.into_iter().map(|(step, count)| (step, number(count))).collect())
}
