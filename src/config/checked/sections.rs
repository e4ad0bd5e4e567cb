//! Each section by itself.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

use super::{
    Cluster, Engine, Hidden, Http, Log, LogFormat, Publish, SafeMode, Secret, Supervisor,
    ranges::{Check, within},
};
use crate::{
    archive::Archiving,
    cluster::{Delays, Rules},
    config::raw::Raw,
    contract::Limits,
    control,
    domain::{
        ids::LocationId,
        outcome::Outcome,
        policy::{Policy, ServeFrom},
        time::Span,
    },
    embedded::Keeping,
    nats::{NatsSettings, ReaderSettings, StreamSettings},
    partition::{Bounds, Limit, Published, format::NEWEST},
    query::{self, certainty::Rule},
    redis::RedisSettings,
    supervisor::safe_mode::Thresholds,
};

/// A week, a month and the like, in seconds.
const DAY_S: u64 = 24 * 3_600;
const YEAR_S: u64 = 365 * DAY_S;
const MIB: u64 = 1 << 20;
/// The most that a stream may hold.
const STREAM_BYTES: RangeInclusive<u64> = MIB..=1 << 50;
/// How much of EARMARK_CMD a command takes, and its answer after it.
const COMMAND_BYTES: u64 = 1_024;
/// How long a name of the pod may be.
const POD_MAX_BYTES: usize = 128;

pub fn nats(c: &mut Check, raw: &Raw) -> NatsSettings {
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    let urls = || raw.nats.url.split(',').map(str::trim);
    c.holds(urls().all(|url| !url.is_empty()), "nats.url", "an empty address", "nats://HOST:PORT");
    NatsSettings {
        url: raw.nats.url.clone(),
        credentials: filled(&raw.nats.credentials).map(Into::into),
        inbox_prefix: filled(&raw.nats.inbox_prefix),
        connect_within_ms: within!(c.number(raw.nats.connect_within_ms, 100..=600_000)),
        request_timeout_ms: within!(c.number(raw.nats.request_timeout_ms, 100..=60_000)),
        ack_timeout_ms: within!(c.number(raw.nats.ack_timeout_ms, 100..=60_000)),
        ..NatsSettings::default()
    }
}

pub fn redis(c: &mut Check, raw: &Raw) -> RedisSettings {
    let url = &raw.redis.url;
    let schemes = ["redis://", "rediss://", "unix://", "redis+unix://"];
    let known = schemes.iter().any(|scheme| url.starts_with(scheme));
    c.holds(known, "redis.url", "another address", "redis://HOST:PORT");
    let prefix = &raw.redis.prefix;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let fits = (1..=64).contains(&prefix.len()) && prefix.bytes().all(plain);
    c.holds(fits, "redis.prefix", format!("{prefix:?}"), "letters, digits, - and _, at most 64");
    RedisSettings {
        url: url.clone(),
        prefix: prefix.clone(),
        connect_timeout_ms: within!(c.number(raw.redis.connect_timeout_ms, 10..=60_000)),
        response_timeout_ms: within!(c.number(raw.redis.response_timeout_ms, 10..=60_000)),
        sweep_step: within!(c.number(raw.redis.sweep_step_max, 1..=100_000)),
        sweep_rest_ms: within!(c.number(raw.redis.sweep_rest_ms, 0..=60_000)),
    }
}

pub fn streams(c: &mut Check, raw: &Raw) -> StreamSettings {
    StreamSettings {
        partitions: within!(c.number(raw.streams.partitions, 1..=1_024)),
        replicas: within!(c.number(raw.streams.replicas, 1..=3)),
        async_persistence: raw.streams.async_persistence,
        in_max_bytes: within!(c.number(raw.streams.in_bytes_max, STREAM_BYTES)),
        cmd_max_waiting: within!(c.number(raw.streams.cmd_waiting_max, 16..=10_000_000)),
        cmd_max_bytes: within!(c.number(raw.streams.cmd_bytes_max, STREAM_BYTES)),
        journal_max_bytes: within!(c.number(raw.streams.journal_bytes_max, STREAM_BYTES)),
        snapshots_max_bytes: within!(c.number(raw.streams.snapshots_bytes_max, STREAM_BYTES)),
        in_headroom_bytes: within!(c.number(raw.streams.in_headroom_bytes, 0..=64 * MIB)),
        out_max_age_s: within!(c.number(raw.streams.out_keep_s, 60..=10 * YEAR_S)),
        out_duplicate_window_s: within!(
            c.number(raw.streams.out_duplicate_window_s, 1..=10 * YEAR_S)
        ),
        dlq_max_age_s: within!(c.number(raw.streams.dlq_keep_s, 0..=100 * YEAR_S)),
        audit_max_age_s: within!(c.number(raw.streams.audit_keep_s, 0..=100 * YEAR_S)),
    }
}

pub fn reader(c: &mut Check, raw: &Raw) -> ReaderSettings {
    ReaderSettings {
        batch: within!(c.number(raw.reader.batch_max, 1..=10_000)),
        batch_bytes: within!(c.number(raw.reader.batch_bytes_max, 1..=64 * MIB)),
        expires_ms: within!(c.number(raw.reader.expires_ms, 1_000..=600_000)),
        heartbeat_ms: within!(c.number(raw.reader.heartbeat_ms, 100..=300_000)),
        inactive_ms: within!(c.number(raw.reader.inactive_ms, 1_000..=3_600_000)),
        drain_check_ms: within!(c.number(raw.reader.drain_check_ms, 10..=60_000)),
        replicated_margin_ms: within!(c.number(raw.reader.replicated_margin_ms, 0..=60_000)),
        stalled_ms: within!(c.number(raw.reader.stalled_ms, 100..=600_000)),
        attempts: within!(c.number(raw.reader.attempts_max, 1..=1_000)),
    }
}

pub fn limits(c: &mut Check, raw: &Raw) -> Limits {
    for prefix in &raw.contract.reply_prefixes {
        let ours = prefix.is_empty() || "earmark.".starts_with(prefix.as_str());
        let expected = "a prefix that no subject of ours begins with, but earmark.reply.";
        let open =
            ours || (prefix.starts_with("earmark.") && !prefix.starts_with("earmark.reply."));
        c.holds(!open, "contract.reply_prefixes", format!("{prefix:?}"), expected);
    }
    Limits {
        event_bytes_max: within!(c.number(raw.contract.event_bytes_max, 1_024..=8 * MIB)),
        order_lines_max: within!(c.number(raw.contract.order_lines_max, 1..=10_000)),
        reply_prefixes: raw.contract.reply_prefixes.clone(),
        skew: Span::from_secs(raw.policy.skew_s.try_into().unwrap_or(i64::MAX)),
    }
}

pub fn policy(c: &mut Check, raw: &Raw) -> Policy {
    let millis = |value: Duration| Span::from_millis(value.as_millis() as i64);
    Policy {
        horizon: within!(c.seconds(raw.policy.horizon_s, 60..=30 * DAY_S)),
        skew: within!(c.seconds(raw.policy.skew_s, 0..=30 * DAY_S)),
        order_horizon: within!(c.seconds(raw.policy.order_horizon_s, 60..=4 * YEAR_S)),
        ids_per_sku_max: within!(c.number(raw.policy.ids_per_sku_max, 100..=10_000_000)),
        serve_from: serve_from(c, raw),
        location_order: location_order(c, raw),
        locations_per_sku_max: within!(c.number(raw.policy.locations_per_sku_max, 1..=100_000)),
        attributes_per_sku_max: within!(c.number(raw.policy.attributes_per_sku_max, 0..=10_000)),
        legs_per_order_max: within!(c.number(raw.policy.legs_per_order_max, 1..=1_000_000)),
        events_per_order_max: within!(c.number(raw.policy.events_per_order_max, 100..=1_000_000)),
        hold_ttl: within!(c.seconds(raw.policy.hold_ttl_s, 1..=400 * DAY_S)),
        hold_ttl_max: within!(c.seconds(raw.policy.hold_ttl_max_s, 1..=400 * DAY_S)),
        payment_margin: within!(c.seconds(raw.policy.payment_margin_s, 0..=DAY_S)),
        saga_deadline: within!(c.seconds(raw.policy.saga_deadline_s, 1..=DAY_S)),
        resend_first: millis(within!(c.millis(raw.policy.resend_first_ms, 100..=3_600_000))),
        resend_max: millis(within!(c.millis(raw.policy.resend_max_ms, 100..=3_600_000))),
        park_for: within!(c.seconds(raw.policy.park_for_s, 1..=30 * DAY_S)),
        parked_max: within!(c.number(raw.policy.parked_max, 0..=10_000)),
        holds_per_step_max: within!(c.number(raw.policy.holds_per_step_max, 1..=10_000)),
        shortfall_named_max: within!(c.number(raw.policy.shortfall_named_max, 0..=1_000)),
        close_after: within!(c.seconds(raw.policy.close_after_s, 0..=400 * DAY_S)),
        forget_after: within!(c.seconds(raw.policy.forget_after_s, 0..=400 * DAY_S)),
    }
}

fn serve_from(c: &mut Check, raw: &Raw) -> ServeFrom {
    match raw.policy.serve_from.as_str() {
        "most_stock" => ServeFrom::MostStock,
        "fixed_order" => ServeFrom::FixedOrder,
        "requested_only" => ServeFrom::RequestedOnly,
        other => {
            let expected = "most_stock, fixed_order or requested_only";
            c.complain("policy.serve_from", format!("{other:?}"), expected);
            ServeFrom::default()
        }
    }
}

fn location_order(c: &mut Check, raw: &Raw) -> Vec<LocationId> {
    let mut locations = Vec::new();
    for name in &raw.policy.location_order {
        match LocationId::new(name) {
            Ok(location) => locations.push(location),
            Err(why) => c.complain("policy.location_order", why, "names of locations"),
        }
    }
    locations
}

pub fn outcomes(c: &mut Check, raw: &Raw) -> Published {
    for kind in &raw.outcomes.left_out {
        let known = Outcome::KINDS.contains(&kind.as_str());
        let expected = format!("one of {}", Outcome::KINDS.join(", "));
        c.holds(known, "outcomes.left_out", format!("{kind:?}"), expected);
    }
    Published {
        left_out: raw.outcomes.left_out.iter().cloned().collect(),
        availability: raw.outcomes.availability,
        retry_after_s: within!(c.number(raw.safe_mode.retry_after_s, 1..=3_600)),
        ..Published::default()
    }
}

pub fn bounds(c: &mut Check, raw: &Raw) -> Bounds {
    Bounds {
        batch_bytes_max: within!(c.number(raw.engine.batch_bytes_max, 4_096..=MIB / 2)),
        append_interval: within!(c.millis(raw.engine.append_interval_ms, 0..=1_000)),
        sealed_records_max: within!(c.number(raw.engine.sealed_records_max, 1..=64)),
        unreleased_records_max: within!(c.number(raw.engine.unreleased_records_max, 1..=100_000)),
        unsnapshotted_records_max: within!(
            c.number(raw.engine.unsnapshotted_records_max, 1..=10_000_000)
        ),
        unsnapshotted_bytes_max: within!(
            c.number(raw.engine.unsnapshotted_bytes_max, MIB..=256 * MIB)
        ),
        snapshot_every_records: within!(
            c.number(raw.engine.snapshot_every_records_max, 1..=1_000_000)
        ),
        snapshot_interval: within!(c.millis(raw.engine.snapshot_interval_ms, 10..=3_600_000)),
        load_entities_max: within!(c.number(raw.engine.load_entities_max, 1..=10_000)),
        due_entities_max: within!(c.number(raw.engine.due_entities_max, 1..=10_000)),
        waiting_max: within!(c.number(raw.engine.waiting_max, 1..=1_000_000)),
        // Its range is complained of as the stream's.
        waiting_commands_max: raw.streams.cmd_waiting_max.try_into().unwrap_or(usize::MAX),
        awaited_holds_max: awaited_holds_max(c, raw),
        tick: within!(c.millis(raw.engine.tick_ms, 1..=10_000)),
        cold_due_interval: within!(c.millis(raw.engine.cold_due_interval_ms, 10..=600_000)),
        idle_mark_after: within!(c.millis(raw.engine.idle_mark_after_ms, 10..=600_000)),
        look_every: within!(c.millis(raw.engine.look_every_ms, 10..=600_000)),
        retry_after: within!(c.millis(raw.engine.retry_after_ms, 1..=60_000)),
        leave_within: within!(c.millis(raw.engine.leave_within_ms, 100..=9_000)),
        attempts_before_single: within!(c.number(raw.engine.attempts_before_single_max, 2..=1_000)),
        single_messages: within!(c.number(raw.engine.single_messages_max, 1..=1_000_000)),
        archiving: archiving(c, raw),
    }
}

/// As many as fit EARMARK_CMD, where nothing is said.
fn awaited_holds_max(c: &mut Check, raw: &Raw) -> usize {
    let said: usize = within!(c.number(raw.engine.awaited_holds_max, 0..=10_000_000));
    let fits = raw.streams.cmd_bytes_max / raw.streams.partitions.max(1) / COMMAND_BYTES;
    match said {
        0 => usize::try_from(fits).unwrap_or(usize::MAX).max(1),
        said => said,
    }
}

pub fn engine(c: &mut Check, raw: &Raw) -> Engine {
    let pod = &raw.engine.pod;
    let fits = pod.len() <= POD_MAX_BYTES && !pod.chars().any(char::is_control);
    c.holds(fits, "engine.pod", format!("{} bytes", pod.len()), "at most 128 bytes of plain text");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let arbiters = within!(c.number(raw.engine.arbiters, 0..=1_024));
    Engine {
        pod: (!pod.is_empty()).then(|| pod.clone()),
        arbiters: if arbiters == 0 { cores } else { arbiters },
        read_messages: within!(c.number(raw.engine.read_messages_max, 1..=10_000)),
        live_entities: within!(c.number(raw.engine.live_entities_max, 1..=100_000_000)),
        journal_page_bytes: within!(c.number(raw.engine.journal_page_bytes_max, 65_536..=64 * MIB)),
    }
}

pub fn cluster(c: &mut Check, raw: &Raw) -> Cluster {
    let leased = match raw.cluster.ownership.as_str() {
        "leases" => true,
        "all" => false,
        other => {
            c.complain("cluster.ownership", format!("{other:?}"), "leases or all");
            true
        }
    };
    let delays = Delays {
        settle: within!(c.millis(raw.cluster.settle_ms, 0..=600_000)),
        lapsed: within!(c.millis(raw.cluster.lapsed_ms, 0..=60_000)),
        turn: within!(c.millis(raw.cluster.turn_ms, 100..=60_000)),
    };
    Cluster {
        leased,
        rules: Rules {
            lasts: Duration::from_secs(within!(c.number(raw.cluster.lease_s, 2..=60))),
            renew_every: within!(c.millis(raw.cluster.renew_ms, 100..=20_000)),
            delays,
        },
        format_max: match within!(c.number(raw.cluster.format_max, 0..=u64::from(NEWEST))) {
            0 => NEWEST,
            format => format,
        },
        format_after: Duration::from_secs(within!(c.number(raw.cluster.format_after_s, 0..=DAY_S))),
    }
}

fn archiving(c: &mut Check, raw: &Raw) -> Archiving {
    let keep = within!(c.number(raw.streams.journal_keep_s, 0..=100 * YEAR_S));
    Archiving {
        interval: within!(c.millis(raw.archive.interval_ms, 10..=30 * DAY_S * 1_000)),
        every_records: within!(c.number(raw.archive.every_records_max, 1..=1 << 40)),
        look_every: within!(c.millis(raw.archive.look_every_ms, 10..=3_600_000)),
        entities_at_once: within!(c.number(raw.archive.entities_max, 1..=10_000)),
        segment_bytes: within!(c.number(raw.archive.segment_bytes_max, 1_024..=64 * MIB)),
        journal_keep: Span::from_secs(keep),
    }
}

pub fn supervisor(c: &mut Check, raw: &Raw) -> Supervisor {
    Supervisor {
        restart_first: within!(c.millis(raw.supervisor.restart_first_ms, 10..=600_000)),
        restart_max: within!(c.millis(raw.supervisor.restart_max_ms, 10..=600_000)),
        watch_every: within!(c.millis(raw.supervisor.watch_every_ms, 100..=60_000)),
        purge_every: within!(c.millis(raw.supervisor.purge_every_ms, 100..=3_600_000)),
        clock_off_max: within!(c.millis(raw.supervisor.clock_off_max_ms, 10..=60_000)),
        in_keep: within!(c.seconds(raw.streams.in_keep_s, 60..=10 * YEAR_S)),
    }
}

pub fn safe_mode(c: &mut Check, raw: &Raw) -> SafeMode {
    let decisions_per_s = within!(c.number(raw.engine.max_decisions_per_s, 0..=10_000_000));
    let spare: u32 = within!(c.number(raw.safe_mode.spare_percent, 1..=100));
    let sku_share: u32 = within!(c.number(raw.safe_mode.sku_share_percent, 0..=100));
    SafeMode {
        automatic: raw.safe_mode.automatic,
        thresholds: Thresholds {
            reporting_waits: within!(c.millis(raw.safe_mode.reporting_waits_ms, 10..=3_600_000)),
            fulfilment_late: within!(c.millis(raw.safe_mode.fulfilment_late_ms, 10..=3_600_000)),
            carts_busy: within!(c.millis(raw.safe_mode.carts_busy_ms, 10..=3_600_000)),
            orders_busy: within!(c.millis(raw.safe_mode.orders_busy_ms, 10..=3_600_000)),
            rises_after: within!(c.millis(raw.safe_mode.rises_after_ms, 0..=600_000)),
            calm: within!(c.millis(raw.safe_mode.calm_ms, 1..=3_600_000)),
            falls_after: within!(c.millis(raw.safe_mode.falls_after_ms, 0..=3_600_000)),
            spare: f64::from(spare) / 100.0,
            decisions_per_s: Some(decisions_per_s).filter(|per_s| *per_s > 0),
        },
        sku_share: f64::from(sku_share) / 100.0,
        limit: Limit {
            decisions_per_s,
            catch_up_per_s: within!(c.number(raw.safe_mode.catch_up_per_s, 1..=10_000_000)),
            patience: within!(c.millis(raw.safe_mode.lane_patience_ms, 10..=60_000)),
        },
    }
}

pub fn orders(c: &mut Check, raw: &Raw) -> control::Bounds {
    control::Bounds {
        for_s: within!(c.number(raw.control.for_s, 1..=604_800)),
        for_max_s: within!(c.number(raw.control.for_max_s, 1..=604_800)),
    }
}

pub fn promotions(c: &mut Check, raw: &Raw) -> control::PromotionBounds {
    control::PromotionBounds {
        lead: within!(c.seconds(raw.promotions.lead_s, 0..=DAY_S)),
        window_max: within!(c.seconds(raw.promotions.window_max_s, 1..=2_592_000)),
        ahead_max: within!(c.seconds(raw.promotions.ahead_max_s, 1..=31_622_400)),
        skus_max: within!(c.number(raw.promotions.skus_max, 1..=20_000)),
        standing_max: within!(c.number(raw.promotions.standing_max, 1..=100)),
    }
}

/// The ranges of both are those of the streams.
pub fn keeping(raw: &Raw) -> Keeping {
    let span = |seconds: u64| Span::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    let letters = Some(raw.streams.dlq_keep_s).filter(|seconds| *seconds > 0);
    Keeping { outcomes: span(raw.streams.out_keep_s), dead_letters: letters.map(span) }
}

pub fn publish(c: &mut Check, raw: &Raw) -> Publish {
    Publish {
        in_flight_max: within!(c.number(raw.publish.in_flight_max, 1..=100_000)),
        retry_after: within!(c.millis(raw.publish.retry_after_ms, 1..=2_000)),
        give_up_after: Duration::from_secs(within!(
            c.number(raw.publish.give_up_after_s, 1..=DAY_S)
        )),
        token: Hidden::new(&raw.http.token),
    }
}

pub fn http(c: &mut Check, raw: &Raw) -> Http {
    Http {
        listen: listen(c, raw),
        token: token(c, raw),
        wait: within!(c.millis(raw.http.wait_ms, 0..=600_000)),
        wait_max: within!(c.millis(raw.http.wait_max_ms, 1_000..=600_000)),
        publish_within: within!(c.millis(raw.http.publish_within_ms, 100..=60_000)),
        retry_after: Duration::from_millis(raw.publish.retry_after_ms),
        body_bytes_max: within!(c.number(raw.http.body_bytes_max, 1_024..=256 * MIB)),
        bodies_bytes_max: within!(c.number(raw.http.bodies_bytes_max, 1_024..=u32::MAX.into())),
        body_within: within!(c.millis(raw.http.body_within_ms, 100..=600_000)),
        in_flight_max: within!(c.number(raw.http.in_flight_max, 1..=100_000)),
        answers_max: within!(c.number(raw.http.answers_max, 1..=1_000_000)),
        answers_keep: Duration::from_secs(within!(c.number(raw.http.answers_keep_s, 1..=DAY_S))),
    }
}

fn listen(c: &mut Check, raw: &Raw) -> SocketAddr {
    raw.http.listen.parse().unwrap_or_else(|_| {
        let expected = "an address and a port, like 127.0.0.1:9090";
        c.complain("http.listen", format!("{:?}", raw.http.listen), expected);
        SocketAddr::from(([127, 0, 0, 1], 0))
    })
}

/// What is wrong with a token is said without saying the token.
fn token(c: &mut Check, raw: &Raw) -> Option<Secret> {
    let token = raw.http.token.as_str();
    if token.is_empty() {
        return None;
    }
    let permitted = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let plain = token.bytes().all(permitted);
    let of = if plain { "" } else { ", not all of them permitted" };
    let found = format!("{} characters{of}", token.chars().count());
    let expected = "16 to 512 letters, digits and `-._~+/=`";
    c.holds(plain && (16..=512).contains(&token.len()), "http.token", found, expected);
    Some(Secret::new(token))
}

pub fn query(c: &mut Check, raw: &Raw) -> query::Settings {
    let millis =
        |c: &mut Check, key, value, range| Span::from_millis(c.number::<i64>(key, value, range));
    let units: u64 = within!(c.number(raw.query.units_per_message_max, 0..=u32::MAX.into()));
    query::Settings {
        within: within!(c.millis(raw.query.within_ms, 10..=60_000)),
        waiting_max: within!(c.number(raw.query.waiting_max, 1..=100_000)),
        rule: Rule {
            behind: millis(c, "query.behind_ms", raw.query.behind_ms, 100..=3_600_000),
            fresh: millis(c, "query.fresh_ms", raw.query.fresh_ms, 1_000..=3_600_000),
            units_per_message: (units > 0).then_some(units),
        },
    }
}

pub fn log(c: &mut Check, raw: &Raw) -> Log {
    let format = match raw.log.format.as_str() {
        "text" => LogFormat::Text,
        "json" => LogFormat::Json,
        other => {
            c.complain("log.format", format!("{other:?}"), "text or json");
            LogFormat::Text
        }
    };
    if let Err(why) = tracing_subscriber::EnvFilter::try_new(&raw.log.level) {
        c.complain("log.level", format!("{:?} ({why})", raw.log.level), "a level, or a filter");
    }
    Log { format, level: raw.log.level.clone() }
}
