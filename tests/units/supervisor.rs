//! What the supervisor decides, and what a pod says of itself.

use std::time::Duration;

use earmark::{
    domain::{
        event::Lane,
        time::{Span, Timestamp},
    },
    partition::{
        Bounds, Exit, Start,
        held::{Amount, CreditInUse, Held},
    },
    ports::{LogMessage, Needed, Room, Source},
    supervisor::{
        PartitionReport, Report, StreamUsage,
        policy::{
            BackOff, Next, arbiter_of, clock_is_right, clock_off, lacks_room, needed_by_all,
            needed_by_each, next,
        },
        report::Reach,
    },
};

const BACK_OFF: BackOff = BackOff { first: Duration::from_secs(1), max: Duration::from_secs(30) };

fn begin(seconds: u64, start: Start) -> Next {
    Next::Start { after: Duration::from_secs(seconds), start }
}

#[test]
fn waits_double_up_to_a_bound() {
    let waits = [0, 1, 2, 3, 4, 5, 6, 40, u32::MAX].map(|n| BACK_OFF.after(n).as_secs());
    assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30]);
}

#[test]
fn each_exit_has_its_consequence() {
    let after = |exit: Exit, failures| next(Some(&exit), failures, &BACK_OFF);
    assert_eq!(after(Exit::Left, 0), Next::Stay);
    assert_eq!(after(Exit::LeftInHaste, 9), Next::Stay);
    assert_eq!(after(Exit::SnapshotLost, 0), begin(0, Start::WithoutSnapshot));
    assert_eq!(after(Exit::SnapshotMoved, 0), begin(0, Start::Again));
    assert_eq!(after(Exit::SnapshotLost, 4), begin(2, Start::WithoutSnapshot));
    assert_eq!(after(Exit::OutLostItsTail, 0), begin(0, Start::Again));
    assert_eq!(after(Exit::SteppedDown, 0), begin(1, Start::Anew));
    assert_eq!(after(Exit::SteppedDown, 3), begin(8, Start::Anew));
    assert_eq!(next(None, 1, &BACK_OFF), begin(2, Start::Anew));
    assert_eq!(after(Exit::Refused("no".to_owned()), 0), Next::Refused("no".to_owned()));
}

#[test]
fn partitions_are_spread_evenly() {
    let of: Vec<usize> = (0..5).map(|partition| arbiter_of(partition, 2)).collect();
    assert_eq!(of, [0, 1, 0, 1, 0]);
    assert_eq!(arbiter_of(7, 0), 0);
}

#[test]
fn a_stream_lacks_room_when_it_is_more_than_four_fifths_full() {
    let usage = |stream, bytes, bytes_max| StreamUsage { stream, messages: 1, bytes, bytes_max };
    let of = |bytes, max| lacks_room(&[usage("B", 9, Some(9)), usage("A", bytes, max)], "A");
    assert_eq!([of(80, Some(100)), of(81, Some(100)), of(81, None)], [false, true, false]);
    assert!(!lacks_room(&[], "A"));
    let room = |bytes, bytes_max| Room { bytes, bytes_max }.lacks();
    assert_eq!([room(79, Some(100)), room(95, Some(100)), room(95, None)], [0, 15, 0]);
}

#[test]
fn nothing_is_purged_that_anybody_needs_or_may_need() {
    let from = |log, from| Some(Needed { log: Timestamp(log), from });
    assert_eq!(needed_by_all([from(7, 5), from(7, 9)]), from(7, 5));
    assert_eq!(needed_by_all([from(7, 5), None]), None);
    assert_eq!(needed_by_all([from(7, 5), from(8, 9)]), None, "some have not seen the new log yet");
    assert_eq!(needed_by_all([from(7, 0), from(7, 9)]), None);
    assert_eq!(needed_by_all([from(7, 1)]), None);
    assert_eq!(needed_by_all([from(7, u64::MAX)]), None);
    assert_eq!(needed_by_all([]), None);
    let each = needed_by_each([(0, Some(5)), (1, None), (2, Some(1)), (3, Some(9))]);
    assert_eq!(each, [(0, 5), (3, 9)]);
}

#[test]
fn only_what_is_certain_counts_against_a_clock() {
    let at = |s: i64| Timestamp(s * 1_000_000);
    assert_eq!(clock_off(at(10), at(11), at(12)), Span::ZERO);
    assert_eq!(clock_off(at(10), at(7), at(12)), Span::from_secs(3));
    assert_eq!(clock_off(at(10), at(15), at(12)), Span::from_secs(-3));
    let max = Duration::from_secs(2);
    assert!(clock_is_right(Span::from_secs(-2), max));
    assert!(!clock_is_right(Span(2_000_001), max));
    assert!(!clock_is_right(Span(i64::MIN), max));
}

/// What a pod says of a partition that it brings back.
const RECOVERS: &str = "it recovers";

fn partition(why: Option<&str>) -> PartitionReport {
    PartitionReport {
        ours: true,
        partition: 3,
        serving: why.is_none(),
        recovers: why == Some(RECOVERS),
        refuses: false,
        why: why.map(str::to_owned),
        position: 7,
        quarantined: 0,
        waiting: 0,
    }
}

#[test]
fn a_pod_is_ready_when_nothing_is_amiss() {
    let ok = Reach::Reachable;
    let stores = |redis| [("NATS", &Reach::Reachable), ("Redis", redis)];
    assert!(Report::new(vec![partition(None)], stores(&ok), [None, None], Some(0.0), true).ready);
    let down = Reach::Unreachable("refused".to_owned());
    let clock = Some("the clock is off".to_owned());
    let recovers = vec![partition(Some(RECOVERS))];
    let report = Report::new(recovers, stores(&down), [clock, None], None, true);
    assert!(!report.ready);
    assert_eq!(
        report.why,
        [
            "Redis cannot be reached: refused",
            "the clock is off",
            "partition 3 is not served: it recovers",
        ]
    );
}

#[test]
fn a_pod_that_serves_something_is_ready_without_snapshots_where_others_lack_them_too() {
    let (up, down) = (Reach::Reachable, Reach::Unreachable("refused".to_owned()));
    let ready = |whys: &[Option<&str>], stores: [(&str, &Reach); 2], pod, may| {
        let partitions = whys.iter().map(|why| partition(*why)).collect();
        let report = Report::new(partitions, stores, [pod, None], None, may);
        // What is amiss is said also where the pod is ready.
        assert!(report.why.iter().any(|why| why.contains("cannot be reached")), "{report:?}");
        report.ready
    };
    let lacks = [("NATS", &up), ("Redis", &down)];
    assert!(ready(&[None], lacks, None, true));
    assert!(ready(&[None, Some(RECOVERS)], lacks, None, true), "what it took over has to wait");
    assert!(!ready(&[Some(RECOVERS)], lacks, None, true), "it serves nothing");
    assert!(!ready(&[], lacks, None, true), "it serves nothing");
    assert!(!ready(&[None], lacks, None, false), "others reach them");
    assert!(!ready(&[None, Some("it refuses to serve")], lacks, None, true));
    assert!(!ready(&[None], lacks, Some("the clock is off".to_owned()), true));
    assert!(!ready(&[None], [("NATS", &down), ("Redis", &up)], None, true));
    assert!(!ready(&[None], [("NATS", &down), ("Redis", &down)], None, true));
}

#[test]
fn what_was_read_is_credit_in_use_until_it_is_committed() {
    let message = |bytes: usize| LogMessage {
        sequence: 1,
        at: Timestamp(0),
        subject: String::new(),
        payload: vec![0; bytes].into(),
    };
    let demand = Source::Lane(Lane::Demand);
    let mut credit = CreditInUse::default();
    credit.take(demand, &[message(10), message(20)]);
    let closed = credit.taken();
    credit.take(demand, &[message(5)]);
    credit.take(Source::Commands, &[message(1)]);
    let of = |credit: &CreditInUse, source: Source| credit.amounts()[source.index()];
    assert_eq!(of(&credit, demand), Amount { messages: 3, bytes: 35 });
    credit.commit(closed);
    assert_eq!(of(&credit, demand), Amount { messages: 1, bytes: 5 });
    assert_eq!(of(&credit, Source::Commands), Amount { messages: 1, bytes: 1 });
    credit.commit(credit.taken());
    assert_eq!(credit.amounts(), [Amount::default(); 5]);
}

#[test]
fn a_share_of_a_bound_is_one_where_it_is_met() {
    let bounds = Bounds::default();
    let met = Held {
        sealed_records: bounds.sealed_records_max,
        batch_bytes: bounds.batch_bytes_max,
        unreleased_records: bounds.unreleased_records_max,
        unsnapshotted_records: bounds.unsnapshotted_records_max,
        unsnapshotted_bytes: bounds.unsnapshotted_bytes_max,
        waiting: bounds.waiting_max,
        awaited_holds: bounds.awaited_holds_max,
        live_entities: 5,
        live_entities_max: 5,
        ..Held::default()
    };
    assert!(met.shares(&bounds).iter().all(|(_, share)| *share == 1.0));
    assert!(Held::default().shares(&bounds).iter().all(|(_, share)| *share == 0.0));
    let sealed = Held { sealed_records: 1, ..Held::default() }.shares(&bounds);
    assert_eq!(sealed.iter().find(|(_, share)| *share > 0.0), Some(&sealed[1]));
    assert_eq!(sealed[1], ("engine.sealed_records_max", 0.25));
    let settings = include_str!("../../config/default.toml");
    for (bound, _) in met.shares(&bounds) {
        let key = bound.split_once('.').map_or(bound, |(_, key)| key);
        assert!(settings.contains(&format!("\n{key} = ")), "{bound} is no setting");
    }
}
