//! `earmark publish`: how lines are split, where they go, and when they have been decided.

use clap::Parser;
use earmark::{
    cli::{
        Cli,
        publish::{
            lines::Splitter,
            wait::{Cursors, is_passed},
        },
    },
    domain::event::Lane,
    ports::{Cursor, Source},
};
use tokio::io::BufReader;

async fn split(text: &str, max: usize) -> Vec<(u64, u64, Option<String>)> {
    // A small buffer, so that lines span several reads.
    let mut splitter = Splitter::new(BufReader::with_capacity(3, text.as_bytes()), max);
    let mut lines = Vec::new();
    while let Ok(Some(line)) = splitter.next().await {
        let content = line.content.map(|line| String::from_utf8_lossy(&line).into_owned());
        lines.push((line.number, line.bytes, content));
    }
    lines
}

fn line(number: u64, text: &str) -> (u64, u64, Option<String>) {
    (number, text.len() as u64, Some(text.to_owned()))
}

#[tokio::test]
async fn lines_are_split_at_any_line_end() {
    let lines = split("one\n\ntwo\r\nthree", 10).await;
    assert_eq!(lines, [line(1, "one"), line(2, ""), line(3, "two"), line(4, "three")]);
    assert_eq!(split("", 10).await, []);
    assert_eq!(split("\n", 10).await, [line(1, "")]);
}

#[tokio::test]
async fn a_long_line_is_measured_and_not_kept() {
    let lines = split("12345\n123456\n12345\r\nabc\n", 5).await;
    assert_eq!(lines, [line(1, "12345"), (2, 6, None), line(3, "12345"), line(4, "abc")]);
}

#[test]
fn a_scheme_tells_a_pod_from_a_directory() {
    let to = |text| match Cli::try_parse_from(["earmark", "publish", "-", "--to", text]) {
        Ok(cli) => format!("{cli:?}"),
        Err(why) => why.to_string(),
    };
    assert!(to("shop/data").contains("Directory(\"shop/data\")"), "{}", to("shop/data"));
    assert!(to("http://127.0.0.1:9090").contains("Pod("), "{}", to("http://127.0.0.1:9090"));
    assert!(to("ftp://shop").contains("ftp is not known"), "{}", to("ftp://shop"));
    assert!(to("http://").contains("invalid value"), "{}", to("http://"));
}

#[test]
fn a_target_is_passed_when_its_own_cursor_is_at_it() {
    let demand = Source::Lane(Lane::Demand);
    let mut at = [Cursor::default(); 5];
    at[demand.index()].sequence = 7;
    let cursors = Cursors::from([(1, Some(at)), (2, None)]);
    assert!(is_passed(&cursors, (1, demand), 7));
    assert!(!is_passed(&cursors, (1, demand), 8));
    assert!(!is_passed(&cursors, (1, Source::Commands), 1));
    assert!(!is_passed(&cursors, (2, demand), 1));
    assert!(!is_passed(&cursors, (3, demand), 1));
}
