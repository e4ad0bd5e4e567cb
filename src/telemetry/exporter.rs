//! The metrics as Prometheus reads them.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

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
    let _ = HANDLE.set(handle);
    Ok(())
}

/// Whether anybody counts.
pub fn is_installed() -> bool {
    HANDLE.get().is_some()
}

/// All metrics in Prometheus' text format; empty before [`install`].
pub fn render() -> String {
    HANDLE.get().map(PrometheusHandle::render).unwrap_or_default()
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
