//! The settings as they are written: one struct a section, one field a key, nothing checked yet
//! but that each key exists and has the right type.
//!
//! What each key means stands in `config/default.toml`, which also has a value for each, so
//! nothing here has a default of its own.

use serde::{Deserialize, Serialize};

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident { $($key:ident: $kind:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            #[allow(missing_docs, reason = "config/default.toml says what each key means")]
            pub struct $name { $(pub $key: $kind,)* }
        )*
    };
}

sections! {
    /// Everything.
    Raw {
        nats: Nats,
        redis: Redis,
        streams: Streams,
        reader: Reader,
        contract: Contract,
        policy: Policy,
        outcomes: Outcomes,
        engine: Engine,
        cluster: Cluster,
        archive: Archive,
        supervisor: Supervisor,
        safe_mode: SafeMode,
        control: Control,
        promotions: Promotions,
        publish: Publish,
        http: Http,
        query: Query,
        dead_letters: DeadLetters,
        log: Log,
    }

    /// How to reach NATS.
    Nats {
        url: String,
        credentials: String,
        inbox_prefix: String,
        connect_within_ms: u64,
        request_timeout_ms: u64,
        ack_timeout_ms: u64,
    }

    /// How to reach Redis.
    Redis {
        url: String,
        prefix: String,
        connect_timeout_ms: u64,
        response_timeout_ms: u64,
        sweep_step_max: u64,
        sweep_rest_ms: u64,
    }

    /// What `earmark setup` makes.
    Streams {
        partitions: u64,
        replicas: u64,
        async_persistence: bool,
        in_bytes_max: u64,
        cmd_bytes_max: u64,
        cmd_waiting_max: u64,
        journal_bytes_max: u64,
        snapshots_bytes_max: u64,
        in_headroom_bytes: u64,
        in_keep_s: u64,
        journal_keep_s: u64,
        out_keep_s: u64,
        out_duplicate_window_s: u64,
        dlq_keep_s: u64,
        audit_keep_s: u64,
    }

    /// How streams are read.
    Reader {
        batch_max: u64,
        batch_bytes_max: u64,
        expires_ms: u64,
        heartbeat_ms: u64,
        inactive_ms: u64,
        drain_check_ms: u64,
        replicated_margin_ms: u64,
        stalled_ms: u64,
        attempts_max: u64,
    }

    /// What events may look like.
    Contract {
        event_bytes_max: u64,
        order_lines_max: u64,
        reply_prefixes: Vec<String>,
    }

    /// What decisions depend on.
    Policy {
        horizon_s: u64,
        skew_s: u64,
        order_horizon_s: u64,
        ids_per_sku_max: u64,
        serve_from: String,
        location_order: Vec<String>,
        locations_per_sku_max: u64,
        attributes_per_sku_max: u64,
        legs_per_order_max: u64,
        events_per_order_max: u64,
        hold_ttl_s: u64,
        hold_ttl_max_s: u64,
        payment_margin_s: u64,
        saga_deadline_s: u64,
        resend_first_ms: u64,
        resend_max_ms: u64,
        park_for_s: u64,
        parked_max: u64,
        holds_per_step_max: u64,
        shortfall_named_max: u64,
        close_after_s: u64,
        forget_after_s: u64,
    }

    /// What is published of what was decided.
    Outcomes {
        left_out: Vec<String>,
        availability: bool,
    }

    /// How much a partition may hold, and how long it may wait.
    Engine {
        pod: String,
        arbiters: u64,
        read_messages_max: u64,
        max_decisions_per_s: u64,
        batch_bytes_max: u64,
        append_interval_ms: u64,
        sealed_records_max: u64,
        unreleased_records_max: u64,
        unsnapshotted_records_max: u64,
        unsnapshotted_bytes_max: u64,
        snapshot_every_records_max: u64,
        snapshot_interval_ms: u64,
        live_entities_max: u64,
        load_entities_max: u64,
        due_entities_max: u64,
        waiting_max: u64,
        awaited_holds_max: u64,
        tick_ms: u64,
        cold_due_interval_ms: u64,
        idle_mark_after_ms: u64,
        look_every_ms: u64,
        retry_after_ms: u64,
        leave_within_ms: u64,
        attempts_before_single_max: u64,
        single_messages_max: u64,
        journal_page_bytes_max: u64,
    }

    /// How pods share the partitions.
    Cluster {
        ownership: String,
        lease_s: u64,
        renew_ms: u64,
        settle_ms: u64,
        lapsed_ms: u64,
        turn_ms: u64,
        format_max: u64,
        format_after_s: u64,
    }

    /// How snapshots are archived.
    Archive {
        interval_ms: u64,
        every_records_max: u64,
        look_every_ms: u64,
        entities_max: u64,
        segment_bytes_max: u64,
    }

    /// When less than everything is done.
    SafeMode {
        automatic: bool,
        reporting_waits_ms: u64,
        fulfilment_late_ms: u64,
        carts_busy_ms: u64,
        orders_busy_ms: u64,
        rises_after_ms: u64,
        calm_ms: u64,
        falls_after_ms: u64,
        spare_percent: u64,
        sku_share_percent: u64,
        catch_up_per_s: u64,
        lane_patience_ms: u64,
        retry_after_s: u64,
    }

    /// What operators may order.
    Control {
        for_s: u64,
        for_max_s: u64,
    }

    /// What promotions may be announced.
    Promotions {
        lead_s: u64,
        window_max_s: u64,
        ahead_max_s: u64,
        skus_max: u64,
        standing_max: u64,
    }

    /// How partitions are watched.
    Supervisor {
        restart_first_ms: u64,
        restart_max_ms: u64,
        watch_every_ms: u64,
        purge_every_ms: u64,
        clock_off_max_ms: u64,
    }

    /// How `earmark publish` publishes.
    Publish {
        in_flight_max: u64,
        retry_after_ms: u64,
        give_up_after_s: u64,
    }

    /// The HTTP port.
    Http {
        listen: String,
        token: String,
        wait_ms: u64,
        wait_max_ms: u64,
        publish_within_ms: u64,
        body_bytes_max: u64,
        bodies_bytes_max: u64,
        body_within_ms: u64,
        in_flight_max: u64,
        answers_max: u64,
        answers_keep_s: u64,
    }

    /// Questions and their answers.
    Query {
        within_ms: u64,
        waiting_max: u64,
        behind_ms: u64,
        fresh_ms: u64,
        units_per_message_max: u64,
    }

    /// What dead letters mean, and how they are replayed.
    DeadLetters {
        catalogue: String,
        listed_max: u64,
        replay_rate: u64,
        replay_rate_max: u64,
        replay_events: u64,
        replay_events_max: u64,
        replay_age_max_s: u64,
        decided_within_ms: u64,
    }

    /// The log.
    Log {
        format: String,
        level: String,
    }
}
