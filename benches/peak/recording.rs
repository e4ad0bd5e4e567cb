//! What a pod saw of its load during a rush, four times a second, as it wrote it into its log: so
//! that the policy can be played on it again.

use std::path::Path;

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Writes it as CSV, beside the picture of this name.
pub fn write(log: &str, beside: &Path) {
    let mut rows = String::from("at_us,settlement_us,demand_us,fulfilment_us,reporting_us,");
    rows.push_str("decided,urgent,refused,level\n");
    let mut began = None;
    for line in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if line["message"] == "load" {
            let at =
                line["timestamp"].as_str().and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok());
            let at = at.expect("it is a time");
            let since = at - *began.get_or_insert(at);
            rows.push_str(&format!("{},", since.whole_microseconds()));
            let late = line["late_us"].as_str().expect("it is a list");
            rows.push_str(&late.trim_matches(['[', ']']).replace(", ", ","));
            for count in ["decided", "urgent", "refused", "level"] {
                rows.push_str(&format!(",{}", line[count]));
            }
            rows.push('\n');
        }
    }
    std::fs::write(beside.with_extension("csv"), rows).expect("target can be written");
}
