//! What must hold between two settings.

use super::ranges::Check;
use crate::config::raw::Raw;

/// Checks all of it.
pub fn relations(c: &mut Check, raw: &Raw) {
    let Raw {
        streams, reader, contract, policy, engine, cluster, supervisor, safe_mode, http, ..
    } = raw;
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
        "cluster.renew_ms",
        cluster.renew_ms,
        "a third of cluster.lease_s",
        cluster.lease_s.saturating_mul(1_000) / 3,
    );
    let later = [
        ("safe_mode.calm_ms", safe_mode.calm_ms),
        ("safe_mode.reporting_waits_ms", safe_mode.reporting_waits_ms),
        ("safe_mode.carts_busy_ms", safe_mode.carts_busy_ms),
        ("safe_mode.orders_busy_ms", safe_mode.orders_busy_ms),
    ];
    for ((key, value), (other, bound)) in later.iter().zip(&later[1..]) {
        at_most(key, *value, other, *bound);
    }
    at_most(
        "safe_mode.reporting_waits_ms",
        safe_mode.reporting_waits_ms,
        "safe_mode.fulfilment_late_ms",
        safe_mode.fulfilment_late_ms,
    );
    at_most("control.for_s", raw.control.for_s, "control.for_max_s", raw.control.for_max_s);
    at_most(
        "promotions.window_max_s",
        raw.promotions.window_max_s,
        "promotions.ahead_max_s",
        raw.promotions.ahead_max_s,
    );
    // Pods compare what they see of Redis.
    at_most(
        "supervisor.watch_every_ms",
        supervisor.watch_every_ms,
        "cluster.lease_s",
        cluster.lease_s.saturating_mul(1_000),
    );
    at_most(
        "supervisor.restart_first_ms",
        supervisor.restart_first_ms,
        "supervisor.restart_max_ms",
        supervisor.restart_max_ms,
    );
    at_most("http.wait_ms", http.wait_ms, "http.wait_max_ms", http.wait_max_ms);
    at_most(
        "contract.event_bytes_max",
        contract.event_bytes_max,
        "http.body_bytes_max",
        http.body_bytes_max,
    );
    at_most(
        "http.body_bytes_max",
        http.body_bytes_max,
        "http.bodies_bytes_max",
        http.bodies_bytes_max,
    );
    answers_come(c, raw);
    c.holds(streams.replicas != 2, "streams.replicas", 2, "1 or 3");
    let one = !streams.async_persistence || streams.replicas == 1;
    c.holds(one, "streams.async_persistence", true, "false with streams.replicas above 1");
}

/// Answers to what is posted come to an inbox of ours, which must be one that events may name.
fn answers_come(c: &mut Check, raw: &Raw) {
    let (own, prefixes) = (&raw.nats.inbox_prefix, &raw.contract.reply_prefixes);
    if own.is_empty() && raw.http.token.is_empty() {
        return;
    }
    let inbox = if own.is_empty() { "_INBOX." } else { &format!("{own}.") };
    let permitted = prefixes.iter().any(|prefix| inbox.starts_with(prefix.as_str()));
    let expected = format!(
        "{inbox:?} among them, where our own inboxes begin (nats.inbox_prefix): answers to what is \
         posted to /v1/events come there"
    );
    c.holds(permitted, "contract.reply_prefixes", format!("{prefixes:?}"), expected);
}
