//! What pods tell of themselves while a load test runs: their metrics, as anybody scrapes them.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::report::Look;

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);
/// How long a pod may take to tell.
const PATIENCE: Duration = Duration::from_secs(2);

/// Partitions that a pod serves.
pub const SERVING: &str = "earmark_partition_serving";

/// A metric as it is told: its name, its labels as they are written, and its value.
type Told<'a> = (&'a str, &'a str, f64);

/// Looks on until it is enough, and tells all that was seen; `seen` is told what was seen last.
pub async fn on(
    urls: Vec<String>,
    began: Instant,
    seen: watch::Sender<Look>,
    mut enough: oneshot::Receiver<()>,
) -> Vec<Look> {
    let mut all = Vec::new();
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = &mut enough => return all,
            _ = tick.tick() => {}
        }
        let told = futures::future::join_all(urls.iter().map(|url| metrics(url))).await;
        let told: Vec<String> = told.into_iter().flatten().collect();
        if told.is_empty() {
            continue;
        }
        let mut look = Look { at_s: began.elapsed().as_secs_f64(), ..Look::default() };
        for text in &told {
            add(&mut look, text);
        }
        all.push(look.clone());
        seen.send_replace(look);
    }
}

/// The sum of metrics over their labels, as one pod tells it.
pub async fn sum(url: &str, names: &[&str]) -> Option<f64> {
    let text = metrics(url).await?;
    let values = text.lines().filter_map(read).filter(|(name, ..)| names.contains(name));
    Some(values.map(|(.., value)| value).sum())
}

async fn metrics(url: &str) -> Option<String> {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);
    let told = CLIENT.get(url).timeout(PATIENCE).send().await.ok()?;
    told.text().await.ok()
}

fn add(look: &mut Look, text: &str) {
    for (name, labels, value) in text.lines().filter_map(read) {
        match name {
            "earmark_safe_mode_level" => look.level = look.level.max(value as u8),
            "process_resident_memory_bytes" => look.memory_bytes += value as u64,
            "earmark_units" if labels.contains("state=\"short\"") => {
                look.short_units += value as u64;
            }
            "earmark_lane_late_seconds" => {
                let lane = labels.trim_start_matches("lane=\"").trim_end_matches('"');
                raise(&mut look.late_s, lane, value);
            }
            _ => {}
        }
    }
}

fn raise(late: &mut BTreeMap<String, f64>, lane: &str, to: f64) {
    let of = late.entry(lane.to_owned()).or_default();
    *of = of.max(to);
}

fn read(line: &str) -> Option<Told<'_>> {
    let (name, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let (name, labels) = match name.split_once('{') {
        Some((name, labels)) => (name, labels.trim_end_matches('}')),
        None => (name, ""),
    };
    Some((name, labels, value.parse().ok()?))
}
