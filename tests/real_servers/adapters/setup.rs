//! Set-up: idempotent, shows what it changes, never changes the number of partitions.

use std::time::Duration;

use async_nats::jetstream::stream;
use earmark::{
    nats::{
        NatsSettings, StreamSettings,
        connect::first_answer,
        names, reset,
        setup::{self, Change, SetupError},
        streams::wanted,
    },
    ports::PortError,
};

use super::common::{connect, publish, streams};
use crate::harness::{NatsServer, free_port, wait_until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_just_now_is_made_anew() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    for _ in 0..20 {
        setup::apply(&control, &streams()).await.expect("set up");
        let found = reset::found(&control).await.expect("looked for");
        reset::delete(&control, &found).await.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_the_servers_of_a_cluster_that_is_starting() {
    let (routes, third) = ([free_port(), free_port()], free_port());
    let first = NatsServer::start_member("n1", &routes, routes[0]).await;
    let _second = NatsServer::start_member("n2", &routes, routes[1]).await;
    let control = connect(&first.url()).await.control;
    let replicated = StreamSettings { replicas: 3, ..streams() };
    let early = || {
        let name = "EARLY".to_owned();
        let early = stream::Config { name, num_replicas: 3, ..Default::default() };
        control.create_stream(early)
    };
    wait_until("two are too few for three replicas", Duration::from_secs(30), async || {
        early().await.is_err_and(|error| error.to_string().contains("10005"))
    })
    .await;
    let (applied, _third) = tokio::join!(setup::apply(&control, &replicated), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        NatsServer::start_member("n3", &routes, third).await
    });
    assert!(!applied.expect("the third came in time").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_cluster_without_a_leader_and_believes_any_other_refusal() {
    let nats = NatsServer::start().await;
    let settings = NatsSettings { url: nats.url(), ..NatsSettings::default() };
    let control = connect(&nats.url()).await.control;
    let asked = std::sync::atomic::AtomicU32::new(0);
    let answers = async |refusal: &str| {
        let ask = async || match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Err(PortError::new("ask", refusal)),
            tries => Ok(tries),
        };
        first_answer(&settings, &control, "ask", ask).await
    };
    let not_now = "JetStream system temporarily unavailable (code 503, error code 10008)";
    assert_eq!(answers(not_now).await.expect("it answers then"), 1);
    asked.store(0, std::sync::atomic::Ordering::Relaxed);
    let refused = answers("no permission (code 403, error code 1)").await;
    assert!(refused.expect_err("it is meant").why.contains("403"));
}

#[tokio::test]
async fn says_how_much_room_the_streams_want() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    let default = StreamSettings::default();
    // The server may keep 8 GB.
    let settings = StreamSettings { journal_max_bytes: 9 << 30, ..default.clone() };
    let refused = setup::apply(&control, &settings).await.expect_err("there is no room");
    let others = default.in_max_bytes + default.cmd_max_bytes + default.snapshots_max_bytes;
    match refused {
        SetupError::NoRoom { stream, bytes } => {
            assert_eq!((stream.as_str(), bytes), (names::JOURNAL, (9 << 30) + others));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn is_idempotent_and_shows_a_diff() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    assert_eq!(setup::fixed(&control).await.expect("it is read"), None);
    let settings = StreamSettings::default();
    let preview = setup::preview(&control, &settings).await.expect("a plan");
    assert_eq!(preview.len(), 10);
    assert!(preview.iter().all(|change| matches!(change, Change::Create { .. })));
    assert_eq!(setup::apply(&control, &settings).await.expect("set up"), preview);
    assert_eq!(setup::apply(&control, &settings).await.expect("again"), []);
    let fixed = setup::fixed(&control).await.expect("it is read").expect("it is written");
    assert_eq!(fixed.partitions, 16);

    let larger = StreamSettings {
        journal_max_bytes: settings.journal_max_bytes / 2,
        snapshots_max_bytes: settings.snapshots_max_bytes * 2,
        out_max_age_s: 3_600,
        ..settings
    };
    let changes = setup::apply(&control, &larger).await.expect("changed");
    let shown: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "~ EARMARK_JOURNAL\n    max_bytes: 2147483648 -> 1073741824",
            "~ EARMARK_OUT\n    max_age: 2592000000000000 -> 3600000000000",
            "~ OBJ_EARMARK_SNAPSHOTS\n    max_bytes: 2147483648 -> 4294967296",
        ]
    );
    assert_eq!(setup::preview(&control, &larger).await.expect("a plan"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_another_number_of_partitions() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    let settings = StreamSettings::default();
    setup::apply(&control, &settings).await.expect("set up");
    let other = StreamSettings { partitions: 8, ..settings };
    let refused = setup::apply(&control, &other).await;
    assert!(
        matches!(refused, Err(SetupError::PartitionsDiffer { stored: 16, wanted: 8, .. })),
        "{refused:?}"
    );
    // Also when the stream itself is gone.
    control.delete_stream(names::IN).await.expect("deleted");
    let refused = setup::preview(&control, &other).await;
    assert!(matches!(refused, Err(SetupError::PartitionsDiffer { .. })), "{refused:?}");
    let bad = StreamSettings { replicas: 2, ..settings_of_one() };
    assert!(matches!(setup::preview(&control, &bad).await, Err(SetupError::Settings(_))));
}

fn settings_of_one() -> StreamSettings {
    streams()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_journal_is_synced_where_allowed() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    let settings = StreamSettings { async_persistence: true, ..streams() };
    setup::apply(&control, &settings).await.expect("set up");
    assert_eq!(setup::apply(&control, &settings).await.expect("again"), []);
    for config in wanted(&settings, 1 << 20) {
        let stream = control.get_stream(&config.name).await.expect("it is there");
        assert_eq!(stream.cached_info().config.persist_mode, config.persist_mode);
        assert!(config.name != names::JOURNAL || config.persist_mode.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_stored_with_their_partition_and_without_their_key() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    setup::apply(&control, &streams()).await.expect("set up");
    publish(&control, 0, 1).await;
    let stream = control.get_stream(names::IN).await.expect("it is there");
    let stored = stream.get_raw_message(1).await.expect("it is stored");
    assert_eq!(stored.subject.as_str(), "earmark.p.0.demand.sku");
    // Nobody can go around the transform.
    let around = control.publish("earmark.p.0.demand.sku", "x".into()).await.expect("sent").await;
    assert!(around.is_err());
    // A dead letter must be able to carry the whole event.
    let most = control.client().max_payload() - (256 << 10);
    let large = vec![0_u8; most + 1];
    let refused = control.publish("earmark.in.demand.sku.K", large.into()).await.expect("sent");
    assert!(refused.await.is_err());
    let largest = vec![0_u8; most - 100];
    let taken = control.publish("earmark.in.demand.sku.K", largest.into()).await.expect("sent");
    taken.await.expect("taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bucket_forgets_a_lease_that_is_not_renewed() {
    let nats = NatsServer::start().await;
    let control = connect(&nats.url()).await.control;
    setup::apply(&control, &streams()).await.expect("set up");
    let bucket = control.get_key_value(names::CLUSTER).await.expect("it is a bucket");
    let ttl = Duration::from_secs(1);
    bucket.create_with_ttl("lease.0", "me".into(), ttl).await.expect("created");
    assert!(bucket.get("lease.0").await.expect("read").is_some());
    crate::harness::wait_until("the lease lapses", Duration::from_secs(10), async || {
        bucket.get("lease.0").await.expect("read").is_none()
    })
    .await;
}
