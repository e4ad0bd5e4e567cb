//! What pods tell of themselves while a load test runs: their metrics, as anybody scrapes them; and
//! how much Redis holds.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::report::Look;
use crate::{
    error::Failure,
    redis::{RedisSettings, link::Link},
};

/// How often it is looked.
const EVERY: Duration = Duration::from_millis(500);
/// How many looks are kept of a run, about; those of a long one say the worst of several.
const KEPT: f64 = 4_000.0;
/// How long a pod may take to tell.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long Redis may take to answer, in milliseconds.
const REDIS_WITHIN_MS: u64 = 400;

/// Partitions that a pod serves.
pub const SERVING: &str = "earmark_partition_serving";

/// A metric as it is told: its name, its labels as they are written, and its value.
type Told<'a> = (&'a str, &'a str, f64);

/// Who is looked at.
pub struct Looked {
    urls: Vec<String>,
    redis: Link,
}

impl Looked {
    /// Pods, by where they tell their metrics, and Redis.
    pub fn at(urls: Vec<String>, redis_url: String) -> Result<Looked, Failure> {
        let settings = RedisSettings {
            url: redis_url,
            connect_timeout_ms: REDIS_WITHIN_MS,
            response_timeout_ms: REDIS_WITHIN_MS,
            ..RedisSettings::default()
        };
        Ok(Looked { urls, redis: Link::new(&settings)? })
    }

    /// Looks on for about so many seconds, until it is enough, and tells what was seen; `seen` is
    /// told what was seen last.
    pub async fn on(
        self,
        (began, lasts_s): (Instant, f64),
        seen: watch::Sender<Look>,
        mut enough: oneshot::Receiver<()>,
    ) -> Vec<Look> {
        let mut all: Vec<Look> = Vec::new();
        let mut tick = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = &mut enough => return all,
                _ = tick.tick() => {}
            }
            let Some(look) = self.look(began).await else { continue };
            seen.send_replace(look.clone());
            match all.last_mut() {
                Some(last) if look.at_s - last.at_s < lasts_s / KEPT => worsen(last, &look),
                _ => all.push(look),
            }
        }
    }

    async fn look(&self, began: Instant) -> Option<Look> {
        let told = futures::future::join_all(self.urls.iter().map(|url| metrics(url)));
        let (told, redis_bytes) = tokio::join!(told, self.redis_bytes());
        let at_s = began.elapsed().as_secs_f64();
        let mut look = Look { at_s, redis_bytes, ..Look::default() };
        let told: Vec<String> = told.into_iter().flatten().collect();
        told.iter().for_each(|text| add(&mut look, text));
        (!told.is_empty()).then_some(look)
    }

    async fn redis_bytes(&self) -> Option<u64> {
        let mut asked = redis::cmd("INFO");
        asked.arg("memory");
        let told: String = self.redis.command("ask what Redis holds", &asked).await.ok()?;
        let bytes = told.lines().find_map(|line| line.strip_prefix("used_memory:"))?;
        bytes.trim().parse().ok()
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
            "process_open_fds" => look.open_files += value as u32,
            "earmark_stream_bytes" => {
                let bytes = look.streams_bytes.entry(label(labels).to_owned()).or_default();
                *bytes = (*bytes).max(value as u64);
            }
            "earmark_units" if labels.contains("state=\"short\"") => {
                look.short_units += value as u64;
            }
            "earmark_lane_late_seconds" => {
                raise(&mut look.late_s, label(labels), value);
            }
            _ => {}
        }
    }
}

/// What the only label says.
fn label(labels: &str) -> &str {
    labels.split_once('=').map_or("", |(_, value)| value.trim_matches('"'))
}

/// What was worse a little later is not left out. What is held is not worse for a moment.
fn worsen(kept: &mut Look, later: &Look) {
    kept.level = kept.level.max(later.level);
    kept.short_units = kept.short_units.max(later.short_units);
    later.late_s.iter().for_each(|(lane, late)| raise(&mut kept.late_s, lane, *late));
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
