//! Redis that is flushed, rolled back, killed, frozen, or holds an enormous entity.

use std::time::{Duration, Instant};

use bytes::Bytes;
use earmark::{
    domain::{
        DueClock,
        ids::{EntityKey, Sku},
        time::Timestamp,
    },
    ports::{At, Delta, EntityChange, Position, Snapshots},
    redis::{RedisSettings, RedisSnapshots},
};

use crate::harness::{RedisServer, wait_until};

fn snapshots(redis: &RedisServer) -> RedisSnapshots {
    let settings = RedisSettings { url: redis.url(), ..RedisSettings::default() };
    RedisSnapshots::new(settings).expect("the settings are good")
}

fn at(sequence: u64) -> Position {
    Position { incarnation: 1, sequence }
}

fn delta(from: u64, parts: impl Iterator<Item = usize>) -> Delta {
    let change = EntityChange {
        key: key(),
        folded_to: from + 1,
        parts: parts.map(|n| (format!("hold/{n}"), Some(Bytes::from_static(b"held")))).collect(),
        dues: [(DueClock::Settled, None), (DueClock::Demand, None)],
    };
    Delta { from: at(from), to: at(from + 1), state: "state".into(), changes: vec![change] }
}

fn key() -> EntityKey {
    EntityKey::Sku(Sku::new("A").expect("a name"))
}

async fn advance(snapshots: &RedisSnapshots, from: u64) -> At<()> {
    snapshots.advance(0, &delta(from, 0..3)).await.expect("answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_is_elsewhere() {
    let mut redis = RedisServer::start().await;
    let snapshots = snapshots(&redis);
    snapshots.reset(0, at(1), "state".into()).await.expect("reset");
    assert_eq!(advance(&snapshots, 1).await, At::Here(()));
    let copy = redis.snapshot_data();
    assert_eq!(advance(&snapshots, 2).await, At::Here(()));
    redis.roll_back(&copy).await;
    wait_until("the connection is back", Duration::from_secs(10), async || {
        snapshots.state(0).await.is_ok()
    })
    .await;
    let loaded = snapshots.load(0, at(3), &[key()]).await.expect("answered");
    assert_eq!(loaded, At::Elsewhere(Some(at(2))), "rolled back");
    assert_eq!(advance(&snapshots, 3).await, At::Elsewhere(Some(at(2))));
    let mut connection = redis.connection().await;
    let _: () = ::redis::cmd("FLUSHALL").query_async(&mut connection).await.expect("flushed");
    let loaded = snapshots.load(0, at(3), &[key()]).await.expect("answered");
    assert_eq!(loaded, At::Elsewhere(None), "flushed");
    assert_eq!(advance(&snapshots, 3).await, At::Elsewhere(None));
    let _: () = ::redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut connection).await.expect("ok");
    snapshots.reset(0, at(3), "state".into()).await.expect("scripts are sent again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_fails_in_time_and_comes_back_by_itself() {
    let mut redis = RedisServer::start().await;
    let snapshots = snapshots(&redis);
    snapshots.reset(0, at(1), "state".into()).await.expect("reset");
    redis.freeze();
    let began = Instant::now();
    assert!(snapshots.advance(0, &delta(1, 0..3)).await.is_err());
    assert!(began.elapsed() < Duration::from_secs(4));
    redis.thaw();
    // Whether it was taken or not, saying it again is right.
    wait_until("it answers again", Duration::from_secs(10), async || {
        snapshots.advance(0, &delta(1, 0..3)).await.is_ok_and(|at| at == At::Here(()))
    })
    .await;
    redis.kill();
    assert!(snapshots.state(0).await.is_err());
    redis.restart().await;
    wait_until("it answers again", Duration::from_secs(10), async || {
        snapshots.state(0).await.is_ok_and(|state| state.is_some())
    })
    .await;
    assert_eq!(advance(&snapshots, 2).await, At::Here(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_did_not_reset_finds_the_generation() {
    let redis = RedisServer::start().await;
    let (one, other) = (snapshots(&redis), snapshots(&redis));
    one.reset(0, at(1), "state".into()).await.expect("reset");
    assert_eq!(advance(&other, 1).await, At::Here(()), "never heard of a generation");
    other.reset(0, at(2), "state".into()).await.expect("reset");
    let loaded = one.load(0, at(2), &[key()]).await.expect("answered");
    assert_eq!(loaded, At::Here(vec![None]), "remembers an old one");
}

/// How many commands and bytes Redis has seen, and the keys it has.
async fn seen(redis: &RedisServer) -> (u64, u64, u64) {
    let mut connection = redis.connection().await;
    let ask = async |section: &str, connection: &mut ::redis::aio::MultiplexedConnection| {
        let mut info = ::redis::cmd("INFO");
        info.arg(section).query_async::<String>(connection).await.expect("told")
    };
    let number = |text: &str, name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().parse().ok()).unwrap_or_default()
    };
    let commands = ask("commandstats", &mut connection).await;
    let hashes = commands.lines().filter(|l| l.starts_with("cmdstat_h") && !l.contains("hello"));
    let calls =
        hashes.filter_map(|l| l.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok());
    let bytes = number(&ask("stats", &mut connection).await, "total_net_input_bytes:");
    let keys: u64 = ::redis::cmd("DBSIZE").query_async(&mut connection).await.expect("told");
    (calls.sum(), bytes, keys)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delta_costs_what_changed() {
    let redis = RedisServer::start().await;
    let snapshots = snapshots(&redis);
    snapshots.reset(0, at(1), "state".into()).await.expect("reset");
    assert_eq!(advance(&snapshots, 1).await, At::Here(()));
    let cost = async |from: u64| {
        let before = seen(&redis).await;
        for n in 0..50 {
            assert_eq!(advance(&snapshots, from + n).await, At::Here(()));
        }
        let after = seen(&redis).await;
        (after.0 - before.0, after.1 - before.1)
    };
    let small = cost(2).await;
    let grown = snapshots.advance(0, &delta(52, 0..100_000)).await.expect("answered");
    assert_eq!(grown, At::Here(()));
    let large = cost(53).await;
    assert_eq!(small.0, large.0, "as many commands");
    assert!(large.1 < small.1 + 2_000, "as many bytes: {} and {}", small.1, large.1);
    let At::Here(loaded) = snapshots.load(0, at(103), &[key()]).await.expect("answered") else {
        panic!("it stands elsewhere");
    };
    assert_eq!(loaded[0].as_ref().map(|entity| entity.parts.len()), Some(100_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_generations_are_deleted_and_nothing_else() {
    let redis = RedisServer::start().await;
    let snapshots = snapshots(&redis);
    for partition in [0, 1] {
        snapshots.reset(partition, at(1), "state".into()).await.expect("reset");
        let changes = (0..5_000).map(|n| EntityChange {
            key: EntityKey::Sku(Sku::new(&format!("S{n}")).expect("a name")),
            folded_to: 2,
            parts: vec![("x".to_owned(), Some("1".into()))],
            dues: [(DueClock::Settled, None), (DueClock::Demand, None)],
        });
        let changes = changes.collect();
        let delta = Delta { from: at(1), to: at(2), state: "state".into(), changes };
        assert_eq!(snapshots.advance(partition, &delta).await.expect("answered"), At::Here(()));
    }
    snapshots.reset(0, at(9), "state".into()).await.expect("reset");
    // The other partition's entities, and the position of both.
    wait_until("the old generation is gone", Duration::from_secs(20), async || {
        seen(&redis).await.2 == 5_002
    })
    .await;
    let kept = EntityKey::Sku(Sku::new("S4999").expect("a name"));
    let loaded = snapshots.load(1, at(2), &[kept]).await.expect("answered");
    assert!(matches!(loaded, At::Here(entities) if entities[0].is_some()));
}

#[tokio::test]
async fn what_is_damaged_is_no_snapshot() {
    let redis = RedisServer::start().await;
    let snapshots = snapshots(&redis);
    snapshots.reset(0, at(1), "state".into()).await.expect("reset");
    let mut one = delta(1, 0..3);
    one.changes[0].dues[0].1 = Some(Timestamp(7));
    assert_eq!(snapshots.advance(0, &one).await.expect("answered"), At::Here(()));
    let mut connection = redis.connection().await;
    let meta = "{earmark:p0}:meta";
    let mut get = redis::cmd("HGET");
    get.arg(meta).arg("generation");
    let generation: String = get.query_async(&mut connection).await.expect("it is there");
    let entity = format!("{{earmark:p0}}:{generation}:sku:A");
    redis::cmd("HDEL").arg(entity).arg("@").exec_async(&mut connection).await.expect("done");
    let loaded = snapshots.load(0, at(2), &[key()]).await.expect("answered");
    assert_eq!(loaded, At::Elsewhere(None));
    let due = format!("{{earmark:p0}}:{generation}:due:settled");
    let mut add = redis::cmd("ZADD");
    add.arg(due).arg(1).arg("nobody:A").exec_async(&mut connection).await.expect("done");
    let due = snapshots.due(0, at(2), DueClock::Settled, Timestamp(9), 10).await;
    assert_eq!(due.expect("answered"), At::Elsewhere(None));
    let mut set = redis::cmd("HSET");
    set.arg(meta).arg("sequence").arg("two").exec_async(&mut connection).await.expect("done");
    assert_eq!(snapshots.state(0).await.expect("answered"), None);
    assert_eq!(snapshots.load(0, at(2), &[key()]).await.expect("answered"), At::Elsewhere(None));
}
