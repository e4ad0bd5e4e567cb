//! What Redis and pods count of their own doings.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;

use super::command::get;

/// The sum of a metric's samples of a pod that begin so; 0 if there are none.
pub async fn metric(port: u16, begin: &str) -> f64 {
    let (_, body) = get(port, "/metrics").await;
    let samples = body.lines().filter(|line| line.starts_with(begin));
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// A section of what Redis says of itself.
pub async fn info(redis: &mut MultiplexedConnection, section: &str) -> String {
    let info = redis::cmd("INFO").arg(section).query_async(redis).await;
    info.expect("Redis says how it is")
}

/// How often each command was called, in scripts too.
pub async fn calls(redis: &mut MultiplexedConnection) -> BTreeMap<String, u64> {
    let stats = info(redis, "commandstats").await;
    let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
    lines
        .map(|(command, of)| (command.to_owned(), number(&of.replace(',', "\n"), "calls")))
        .collect()
}

/// A number of such a section, behind `=` or `:`.
pub fn number(info: &str, name: &str) -> u64 {
    let find = |line: &str| line.strip_prefix(name)?.strip_prefix([':', '='])?.trim().parse().ok();
    info.lines().find_map(find).unwrap_or_else(|| panic!("no {name} in {info}"))
}
