//! Reads the source itself: what a compiler does not check and a reader relies on.
//!
//! Each rule is a function from a file's text to complaints, tried on small samples below.

use std::fs;
use std::path::{Path, PathBuf};

const COLUMNS_MAX: usize = 100;
const LINES_MAX: usize = 500;

/// Left-overs of writing; split so that this file does not complain about itself.
const UNFINISHED: &[&str] =
    &[concat!("todo", "!"), concat!("unimplemented", "!"), concat!("dbg", "!")];

/// The domain is pure: it decides from its arguments alone.
const IMPURE_WORDS: &[&str] =
    &["tokio", "actix", "async_nats", "redis", "rand", "SystemTime", "Instant"];
const IMPURE_PATHS: &[&str] = &["std::time"];

#[test]
fn every_file_says_what_it_promises() {
    complain(&["src", "tests", "benches"], header);
}

#[test]
fn nothing_unfinished_is_left() {
    complain(&["src", "tests", "benches"], unfinished);
}

#[test]
fn lines_fit_the_page() {
    complain(&["src"], long_lines);
}

#[test]
fn files_stay_short() {
    complain(&["src"], long_file);
}

#[test]
fn the_domain_is_pure() {
    complain(&["src/domain"], impure);
}

#[test]
fn every_setting_is_explained() {
    let path = root().join("config/default.toml");
    if path.exists() {
        report(vec![(path.clone(), unexplained_settings(&read(&path)))]);
    }
}

/// Runs one rule over all Rust files of the folders, and fails with every complaint at once.
fn complain(folders: &[&str], rule: fn(&str) -> Vec<String>) {
    let mut files = Vec::new();
    for folder in folders {
        collect(&root().join(folder), &mut files);
    }
    files.sort();
    report(files.into_iter().map(|file| (file.clone(), rule(&read(&file)))).collect());
}

fn report(complaints: Vec<(PathBuf, Vec<String>)>) {
    let mut lines = Vec::new();
    for (file, complaints) in complaints {
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        lines.extend(complaints.iter().map(|complaint| format!("{name}: {complaint}")));
    }
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All `.rs` files below a folder; none when the folder is not there.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The lines that break a rule, by number.
fn lines_where(text: &str, breaks: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let numbered = text.lines().enumerate();
    numbered.filter_map(|(i, line)| Some(format!("{}: {}", i + 1, breaks(line)?))).collect()
}

fn header(text: &str) -> Vec<String> {
    let has_one = text.lines().next().is_some_and(|line| line.starts_with("//! "));
    if has_one { vec![] } else { vec!["1: begins without a `//!` header".to_owned()] }
}

fn unfinished(text: &str) -> Vec<String> {
    lines_where(text, |line| {
        let word = UNFINISHED.iter().find(|word| line.contains(*word))?;
        Some(format!("`{word}` is left"))
    })
}

fn long_lines(text: &str) -> Vec<String> {
    lines_where(text, |line| {
        let columns = line.chars().count();
        // A text in quotes may be long: it is not broken for the page's sake.
        (columns > COLUMNS_MAX && !line.contains('"'))
            .then(|| format!("{columns} columns, {COLUMNS_MAX} are the limit"))
    })
}

fn long_file(text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LINES_MAX {
        vec![]
    } else {
        vec![format!("{lines} lines, {LINES_MAX} are the limit")]
    }
}

fn impure(text: &str) -> Vec<String> {
    lines_where(text, |line| {
        let code = line.split("//").next().unwrap_or_default();
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        let found = words.find(|word| IMPURE_WORDS.contains(word));
        let found =
            found.or_else(|| IMPURE_PATHS.iter().copied().find(|path| code.contains(path)))?;
        Some(format!("`{found}` has no place in the domain"))
    })
}

/// Keys of a TOML file whose line above is neither a comment nor part of one.
fn unexplained_settings(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_key = |line: &str| {
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.\"".contains(c))
    };
    let explained = |i: usize| i > 0 && lines[i - 1].starts_with('#');
    (0..lines.len())
        .filter(|&i| is_key(lines[i]) && !explained(i))
        .map(|i| format!("{}: `{}` has no comment above it", i + 1, lines[i]))
        .collect()
}

#[test]
fn each_rule_finds_what_it_is_for_and_nothing_else() {
    assert_eq!(header("use std::fs;\n").len(), 1);
    assert_eq!(header("").len(), 1);
    assert_eq!(header("//! Promises.\n").len(), 0);

    assert_eq!(unfinished(concat!("let a = todo", "!();\n")), [concat!("1: `todo", "!` is left")]);
    assert_eq!(unfinished("let todo = 1;\n").len(), 0);

    assert_eq!(long_lines(&"é".repeat(COLUMNS_MAX)).len(), 0);
    assert_eq!(long_lines(&"é".repeat(COLUMNS_MAX + 1)).len(), 1);

    assert_eq!(long_file(&"\n".repeat(LINES_MAX)).len(), 0);
    assert_eq!(long_file(&"\n".repeat(LINES_MAX + 1)).len(), 1);

    assert_eq!(impure("use tokio::sync;").len(), 1);
    assert_eq!(impure("use std::time::Duration;").len(), 1);
    assert_eq!(impure("let brand = operand; // no tokio here").len(), 0);

    assert_eq!(unexplained_settings("[a]\n# How long, in ms.\nwait_ms = 5\n").len(), 0);
    assert_eq!(unexplained_settings("[a]\nwait_ms = 5\n").len(), 1);
    assert_eq!(
        unexplained_settings("# One.\na = 1\nb = 2\n"),
        ["3: `b = 2` has no comment above it"]
    );
}
