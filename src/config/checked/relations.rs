//! What must hold between two settings.

use super::ranges::Check;
use crate::config::raw::Raw;

/// Checks all of it.
pub fn relations(c: &mut Check, raw: &Raw) {
    let Raw { streams, reader, contract, policy, engine, supervisor, .. } = raw;
    let mut at_most = |key: &str, value: u64, other: &str, bound: u64| {
        c.holds(value <= bound, key, value, format!("at most {other}, which is {bound}"));
    };
    at_most(
        "reader.heartbeat_ms",
        reader.heartbeat_ms,
        "half reader.expires_ms",
        reader.expires_ms / 2,
    );
    at_most(
        "contract.event_bytes_max",
        contract.event_bytes_max,
        "reader.batch_bytes_max",
        reader.batch_bytes_max,
    );
    at_most("policy.skew_s", policy.skew_s, "policy.horizon_s", policy.horizon_s);
    at_most("policy.horizon_s", policy.horizon_s, "policy.order_horizon_s", policy.order_horizon_s);
    at_most("policy.horizon_s", policy.horizon_s, "streams.in_keep_s", streams.in_keep_s);
    at_most("policy.hold_ttl_s", policy.hold_ttl_s, "policy.hold_ttl_max_s", policy.hold_ttl_max_s);
    at_most(
        "policy.resend_first_ms",
        policy.resend_first_ms,
        "policy.resend_max_ms",
        policy.resend_max_ms,
    );
    at_most(
        "streams.out_duplicate_window_s",
        streams.out_duplicate_window_s,
        "streams.out_keep_s",
        streams.out_keep_s,
    );
    at_most(
        "engine.snapshot_every_records_max",
        engine.snapshot_every_records_max,
        "engine.unsnapshotted_records_max",
        engine.unsnapshotted_records_max,
    );
    at_most(
        "supervisor.restart_first_ms",
        supervisor.restart_first_ms,
        "supervisor.restart_max_ms",
        supervisor.restart_max_ms,
    );
    c.holds(streams.replicas != 2, "streams.replicas", 2, "1 or 3");
    let one = !streams.async_persistence || streams.replicas == 1;
    c.holds(one, "streams.async_persistence", true, "false with streams.replicas above 1");
}
