//! Every metric has help and follows the convention; what a record says is counted.

use earmark::telemetry::{
    catalogue::{self, ALL, Kind},
    exporter,
};
use metrics::Unit;

/// The label values that a metric may not have, since there is no end of them.
const UNBOUNDED: [&str; 5] = ["sku", "order", "id", "key", "hold"];

#[test]
fn every_metric_has_help_and_follows_the_convention() {
    let recorder = exporter::builder().unwrap().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        catalogue::describe();
        for metric in ALL {
            let labels = vec!["x"; metric.labels.len()];
            match metric.kind {
                Kind::Counter => metric.count(&labels, 1),
                Kind::Gauge => metric.set(&labels, 1.0),
                Kind::Histogram(_) => metric.observe(&labels, 1.0),
            }
        }
    });
    let text = handle.render();
    for metric in ALL {
        let name = metric.name;
        let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert_eq!(help, Some(metric.help), "{name}");
        assert!(text.contains(&format!("# TYPE {name} ")), "{name}");
        assert!(metric.help.ends_with('.'), "{name}");
        assert!(name.starts_with("earmark_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
        assert_eq!(name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{name}");
        assert_eq!(name.ends_with("_bytes"), metric.unit == Unit::Bytes, "{name}");
        assert!(metric.labels.iter().all(|label| !UNBOUNDED.contains(label)), "{name}");
    }
}

#[test]
fn no_name_is_used_twice() {
    let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ALL.len());
}
