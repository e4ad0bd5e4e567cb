//! The metrics as Prometheus reads them.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use super::catalogue::{self, Kind};

/// How often the exporter folds what was observed, so that its memory stays bounded.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// A recorder with our buckets.
pub fn builder() -> Result<PrometheusBuilder, BuildError> {
    catalogue::ALL.iter().try_fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        Kind::Histogram(buckets) => {
            builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
        }
        Kind::Counter | Kind::Gauge => Ok(builder),
    })
}

/// Counts from now on.
pub fn install() -> Result<(), BuildError> {
    let handle = builder()?.install_recorder()?;
    catalogue::describe();
    catalogue::begin();
    Collector::default().describe();
    let _ = HANDLE.set(handle);
    Ok(())
}

/// Whether anybody counts.
pub fn is_installed() -> bool {
    HANDLE.get().is_some()
}

/// All metrics in Prometheus' text format, and those of the process (`process_…`: its memory, its
/// CPU time); empty before [`install`].
pub fn render() -> String {
    let Some(handle) = HANDLE.get() else { return String::new() };
    Collector::default().collect();
    handle.render()
}

/// Keeps the exporter's memory bounded, for ever.
pub async fn keep_up() {
    let mut every = tokio::time::interval(UPKEEP_EVERY);
    loop {
        every.tick().await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}
