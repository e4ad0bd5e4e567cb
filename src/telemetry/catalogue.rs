//! Every metric there is, as data: its name (Prometheus convention), kind, unit, labels and help.

use metrics::Unit;

/// What a metric counts with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only ever rises.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often which sizes occurred, with the upper bounds of its buckets.
    Histogram(&'static [f64]),
}

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it counts with.
    pub kind: Kind,
    /// In what.
    pub unit: Unit,
    /// The labels that it may have; the values of each are few and known.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

/// Seconds from a disk's write to an outage.
const LATENCY_S: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 300.0,
];
/// Bytes of a record.
const BYTES: &[f64] =
    &[256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 131_072.0, 262_144.0, 524_288.0];
/// How many of something there were at a time.
const SIZES: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 10_000.0];

macro_rules! metrics {
    ($(
        $constant:ident $kind:expr, $unit:ident, $name:literal
        [$($label:literal),*]
        $help:literal;
    )*) => {
        $(
            #[doc = $help]
            pub const $constant: Metric = Metric {
                name: $name,
                kind: $kind,
                unit: Unit::$unit,
                labels: &[$($label),*],
                help: $help,
            };
        )*

        /// Every metric there is.
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

metrics! {
    // What is decided.
    DECISIONS Kind::Counter, Count, "earmark_decisions_total"
        ["entity", "event", "outcome", "reason"]
        "Decisions committed for the first time, by what was decided and why it was refused.";
    DUPLICATES Kind::Counter, Count, "earmark_duplicates_total" ["entity", "event"]
        "Repeated events that were answered as the first time.";
    DECISION_LATENCY Kind::Histogram(LATENCY_S), Seconds, "earmark_decision_latency_seconds"
        ["lane"]
        "Time from an event's publication to the commit of its decision.";
    OUTCOMES Kind::Counter, Count, "earmark_outcomes_total" ["outcome"]
        "Outcome events that committed decisions told the world.";
    REJECTIONS Kind::Counter, Count, "earmark_rejections_total" ["source", "reason"]
        "Messages that were no input of any entity.";
    UNKNOWN_FIELDS Kind::Counter, Count, "earmark_unknown_fields_total" ["event"]
        "Fields of accepted events that nobody knows.";
    DEAD_LETTERS Kind::Counter, Count, "earmark_dead_letters_total"
        ["reason", "severity", "owner"]
        "Dead letters written, by why, how much they matter, and who can do something about them.";
    HOLDS Kind::Counter, Count, "earmark_holds_total" ["change"]
        "What became of holds: opened, extended, transferred, committed, refused, released, \
         expired, shipped, claimed.";
    HOLDS_OPEN Kind::Gauge, Count, "earmark_holds_open" ["partition"]
        "Holds that stand.";
    HOLDS_AWAITED Kind::Gauge, Count, "earmark_holds_awaited" ["partition"]
        "Holds that orders have asked for and no SKU has answered yet.";
    UNITS Kind::Gauge, Count, "earmark_units" ["partition", "state"]
        "Units of all SKUs: on_hand, available, held, allocated, unavailable, short, backordered, \
         overdrawn.";
    BREACHES Kind::Counter, Count, "earmark_conservation_breaches_total" []
        "Decisions that would have broken the rule of conservation.";
    QUARANTINES Kind::Counter, Count, "earmark_quarantines_total" ["entity"]
        "Entities whose code failed, and which decide no more.";

    // How it gets into the journal and out again.
    APPEND_SECONDS Kind::Histogram(LATENCY_S), Seconds, "earmark_append_seconds" []
        "Time until the journal acknowledged a record.";
    RECORD_BYTES Kind::Histogram(BYTES), Bytes, "earmark_record_bytes" []
        "Size of committed records.";
    RECORD_ENTRIES Kind::Histogram(SIZES), Count, "earmark_record_entries" []
        "Entries of committed records.";
    APPENDS_IN_DOUBT Kind::Counter, Count, "earmark_appends_in_doubt_total" ["partition", "why"]
        "Appends whose answer did not say whether the record is there.";
    JOURNAL_FULL Kind::Counter, Count, "earmark_journal_full_total" ["partition"]
        "Appends refused because the journal is full.";
    SENDS_RETRIED Kind::Counter, Count, "earmark_sends_retried_total" ["outlet"]
        "Effects that were sent again because their acknowledgement did not come.";
    COMMANDS_UNSAID Kind::Counter, Count, "earmark_commands_unsaid_total" []
        "Messages to a partition that has too many to read; what they said is said again later.";
    OUT_TAILS_LOST Kind::Counter, Count, "earmark_out_tails_lost_total" ["partition"]
        "Times that EARMARK_OUT ended before what it had acknowledged.";
    SNAPSHOT_SECONDS Kind::Histogram(LATENCY_S), Seconds, "earmark_snapshot_seconds" []
        "Time until Redis acknowledged a snapshot.";
    SNAPSHOT_CHANGES Kind::Histogram(SIZES), Count, "earmark_snapshot_changes" []
        "Entities that a snapshot changed.";
    ENTITIES_LOADED Kind::Counter, Count, "earmark_entities_loaded_total" []
        "Cold entities loaded from snapshots.";
    RECOVERY_SECONDS Kind::Histogram(LATENCY_S), Seconds, "earmark_recovery_seconds" []
        "Time until a partition served after it was started.";
    RECOVERIES_FROM_GENESIS Kind::Counter, Count, "earmark_recoveries_from_genesis_total"
        ["partition"]
        "Recoveries that had to fold the whole journal.";
    RECOVERIES_FROM_ARCHIVE Kind::Counter, Count, "earmark_recoveries_from_archive_total"
        ["partition"]
        "Recoveries that began with an archived snapshot.";
    ARCHIVES Kind::Counter, Count, "earmark_archives_total" ["partition"]
        "Snapshots that were archived and read back.";
    ARCHIVES_FAILED Kind::Counter, Count, "earmark_archives_failed_total" ["partition"]
        "Attempts to archive a snapshot or to trim the journal that failed; they are repeated.";
    ARCHIVES_REFUSED Kind::Counter, Count, "earmark_archives_refused_total" ["partition"]
        "Archives that a recovery found damaged or from a newer version.";
    ARCHIVE_SECONDS Kind::Histogram(LATENCY_S), Seconds, "earmark_archive_seconds" []
        "Time until a snapshot was archived and read back.";
    ARCHIVE_BYTES Kind::Gauge, Bytes, "earmark_archive_bytes" ["partition"]
        "Size of the partition's last archive.";
    ARCHIVED_AT Kind::Gauge, Seconds, "earmark_archived_at_seconds" ["partition"]
        "When this pod archived the partition last, in Unix time.";
    JOURNAL_TRIMS Kind::Counter, Count, "earmark_journal_trims_total" ["partition"]
        "Times that old records were purged from the journal.";
    READER_RESTARTS Kind::Counter, Count, "earmark_reader_restarts_total" ["source"]
        "Readers that were stood up again at their cursor.";
    SOURCES_LOST Kind::Counter, Count, "earmark_sources_lost_total" ["source"]
        "Times that a log was not what its cursor remembered.";
    TAKE_OVERS Kind::Counter, Count, "earmark_take_overs_total" ["partition"]
        "Times that this pod took a partition over.";

    // How a partition stands.
    SERVING Kind::Gauge, Count, "earmark_partition_serving" ["partition"]
        "1 while this pod serves the partition.";
    PARTITION_STOPS Kind::Counter, Count, "earmark_partition_stops_total" ["why"]
        "Partitions that stopped, by why.";
    POSITION Kind::Gauge, Count, "earmark_partition_position" ["partition"]
        "The journal's sequence of the partition's last record.";
    UNRELEASED Kind::Gauge, Count, "earmark_partition_unreleased" ["partition"]
        "How far released effects lie behind the last record, in sequences of the journal.";
    UNSNAPSHOTTED Kind::Gauge, Count, "earmark_partition_unsnapshotted" ["partition"]
        "How far the snapshot lies behind the last record, in sequences of the journal.";
    LIVE_ENTITIES Kind::Gauge, Count, "earmark_partition_live_entities" ["partition"]
        "Entities in memory.";
    QUARANTINED Kind::Gauge, Count, "earmark_partition_quarantined_entities" ["partition"]
        "Entities that decide no more.";
    WAITING Kind::Gauge, Count, "earmark_partition_waiting_inputs" ["partition"]
        "Inputs that wait for a quarantined or cold entity.";
    NEEDS_OPERATOR Kind::Gauge, Count, "earmark_partition_needs_operator" ["partition"]
        "1 while the partition is this pod's, and cannot be served before an operator has looked at it.";
    UNANSWERED Kind::Gauge, Count, "earmark_partition_append_unanswered" ["partition"]
        "1 while the journal has not answered an append for longer than it ever should.";
    PARTITION_BOUND_USED Kind::Gauge, Count, "earmark_partition_bound_used_ratio"
        ["partition", "bound"]
        "How much of what the partition may hold it holds, by the setting that bounds it; 1 where \
         the bound is met.";
    UNCOMMITTED Kind::Gauge, Count, "earmark_partition_uncommitted_entries" ["partition"]
        "Entries that are decided and not committed.";
    IN_HAND Kind::Gauge, Count, "earmark_lane_in_hand_messages" ["partition", "source"]
        "Messages that are read and not committed: the credit of the lane that is in use.";
    IN_HAND_BYTES Kind::Gauge, Bytes, "earmark_lane_in_hand_bytes" ["partition", "source"]
        "The same in bytes, as they were published.";
    LAG Kind::Gauge, Count, "earmark_lane_lag_messages" ["partition", "source"]
        "Messages that are not decided yet.";
    OLDEST_UNREAD Kind::Gauge, Seconds, "earmark_lane_oldest_unread_seconds" ["partition", "source"]
        "Age of the oldest message that is not decided yet; 0 if there is none.";

    // How much there is to do.
    SAFE_MODE Kind::Gauge, Count, "earmark_safe_mode_level" []
        "The level of safe mode of this pod, 0 to 3.";
    PAUSED Kind::Gauge, Count, "earmark_paused" []
        "Lanes, partitions, SKUs and orders that operators have paused.";
    PROMOTION_SKUS Kind::Gauge, Count, "earmark_promotion_skus" ["partition"]
        "SKUs of promotions that are to be in memory now.";
    PROMOTION_SKUS_LIVE Kind::Gauge, Count, "earmark_promotion_skus_live" ["partition"]
        "SKUs of promotions that are in memory, of those that are to be.";
    PINNED Kind::Gauge, Count, "earmark_pinned_partitions" []
        "Partitions, those of other pods too, that are not moved for balance while a promotion is armed.";
    LANE_LATE Kind::Gauge, Seconds, "earmark_lane_late_seconds" ["lane"]
        "How late a lane is read: the age of what was read last, where more waits behind it; the \
         latest of the pod's partitions.";
    BOUND_USED Kind::Gauge, Count, "earmark_bound_used_ratio" ["bound"]
        "How much of what the pod may hold, or do at once, is in use, by the setting that bounds it; 1 \
         where the bound is met, more where what is over is waited for.";
    PACED Kind::Counter, Count, "earmark_paced_decisions_total" ["result"]
        "Decisions as engine.max_decisions_per_s counts them: decided, and busy (what those would \
         have cost that were told so).";
    PACE_MAX Kind::Gauge, Count, "earmark_pace_decisions_per_second_max" []
        "How many decisions a second the pod may make (engine.max_decisions_per_s); 0 for no bound.";
    THREAD_BUSY Kind::Gauge, Count, "earmark_thread_busy_ratio" ["thread"]
        "Share of its time that a thread of partitions was computing, since it was last looked at.";
    HOT_SKUS Kind::Gauge, Count, "earmark_partition_hot_skus" ["partition"]
        "SKUs of which new carts are held to a share of what the pod can decide.";

    // What comes in by HTTP.
    HTTP_REQUESTS Kind::Counter, Count, "earmark_http_requests_total" ["class"]
        "Requests to /v1 that were answered, by the class of their status: 2xx, 4xx, 5xx.";
    HTTP_EVENTS Kind::Counter, Count, "earmark_http_events_total" ["result"]
        "Events of requests to /v1, by what came of them: decided, accepted, waiting, refused, \
         not_taken.";
    HTTP_WAIT Kind::Histogram(LATENCY_S), Seconds, "earmark_http_wait_seconds" []
        "Time that requests to /v1 waited for a decision, each event counted.";
    HTTP_IN_FLIGHT Kind::Gauge, Count, "earmark_http_in_flight" []
        "Events of requests to /v1 that are under way.";
    HTTP_IN_FLIGHT_MAX Kind::Gauge, Count, "earmark_http_in_flight_max" []
        "How many events of requests to /v1 may be under way.";

    // Questions.
    QUESTIONS Kind::Counter, Count, "earmark_questions_total" ["entity", "result"]
        "Questions that this pod was asked, by what came of them: owner (its own partition answered), \
         passed_on (another pod did), last_known, or the code of the refusal.";
    QUESTION_WAIT Kind::Histogram(LATENCY_S), Seconds, "earmark_question_seconds" []
        "Time from a question to its answer.";

    // What stands around it.
    STREAM_BYTES Kind::Gauge, Bytes, "earmark_stream_bytes" ["stream"]
        "Size of a stream.";
    STREAM_FULLNESS Kind::Gauge, Count, "earmark_stream_fullness_ratio" ["stream"]
        "Size of a stream by the most it may hold.";
    CLOCK_OFF Kind::Gauge, Seconds, "earmark_clock_off_seconds" []
        "How far the pod's clock is ahead of the server's.";
    REACHABLE Kind::Gauge, Count, "earmark_server_reachable" ["server"]
        "1 while the server answers.";
}

/// Registers every metric with its help and unit.
pub fn describe() {
    for metric in ALL {
        let Metric { name, unit, help, .. } = *metric;
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram(_) => metrics::describe_histogram!(name, unit, help),
        }
    }
}

/// Counters without labels begin at 0: what is there from the beginning is seen to rise from its
/// first time on.
pub fn begin() {
    let counters = ALL.iter().filter(|of| of.kind == Kind::Counter && of.labels.is_empty());
    counters.for_each(|counter| counter.count(&[], 0));
}

impl Metric {
    /// Counts on.
    pub fn count(&self, labels: &[&str], by: u64) {
        metrics::counter!(self.name, self.label(labels)).increment(by);
    }

    /// Says how much there is.
    pub fn set(&self, labels: &[&str], to: f64) {
        metrics::gauge!(self.name, self.label(labels)).set(to);
    }

    /// Says how far a counter has come that is kept elsewhere.
    pub fn reach(&self, labels: &[&str], to: u64) {
        metrics::counter!(self.name, self.label(labels)).absolute(to);
    }

    /// Says by how much it changed.
    pub fn shift(&self, labels: &[&str], by: f64) {
        metrics::gauge!(self.name, self.label(labels)).increment(by);
    }

    /// Says how large something was.
    pub fn observe(&self, labels: &[&str], size: f64) {
        metrics::histogram!(self.name, self.label(labels)).record(size);
    }

    /// Says how large each of several things was.
    pub fn observe_all(&self, labels: &[&str], sizes: impl Iterator<Item = f64>) {
        let histogram = metrics::histogram!(self.name, self.label(labels));
        sizes.for_each(|size| histogram.record(size));
    }

    /// The labels' values, in the order of [`Metric::labels`], with their names.
    fn label(&self, values: &[&str]) -> Vec<metrics::Label> {
        debug_assert_eq!(values.len(), self.labels.len(), "{}", self.name);
        let pairs = self.labels.iter().zip(values);
        pairs.map(|(name, value)| metrics::Label::new(*name, (*value).to_owned())).collect()
    }
}
