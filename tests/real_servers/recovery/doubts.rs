//! What an operator's command does not know, it does not take for granted: with whose settings it
//! runs, whether a lease is held, whether what it did could be written down everywhere.

use earmark::{
    nats::{NatsJournal, ReaderSettings},
    partition::{
        Begin, begin_incarnation,
        entry::Entry,
        record::{Link, RecordHash, Released},
    },
    ports::{Cursor, Journal, Position},
};
use serde_json::{Value, json};

use super::operator::{LOST, audit, lost, show};
use crate::{
    books::Books,
    harness::{NatsConfig, RedisConfig},
    world::World,
};

const WHY: [&str; 5] = ["--apply", "--by", "ann", "--reason", "a disk was lost"];

#[tokio::test]
async fn another_number_of_partitions_is_not_written() {
    let (world, ..) = lost(&[]).await;
    let before = Books::read(&world).await.0.len();
    let others = [("EARMARK__STREAMS__PARTITIONS", "16")];
    for command in ["reseed", "accept-loss"] {
        let args = [&["partition", command, "3"][..], &WHY].concat();
        let refused = world.earmark_with(&args, &others).await.with(1);
        let said = refused.err();
        assert!(said.contains("EARMARK_IN") && said.contains("16"), "{said}");
    }
    world.earmark_with(&["partition", "show", "3"], &others).await.with(1);
    assert_eq!(Books::read(&world).await.0.len(), before);
    assert_eq!(audit(&world).await, Vec::<Value>::new());

    // A record that somebody wrote so is seen, and nothing is written behind it.
    let journal = NatsJournal::new(world.context.clone(), ReaderSettings::default(), 1 << 20);
    let last = journal.last(LOST).await.expect("it is read").expect("there is one");
    let begin = Begin {
        incarnation: 2,
        previous: Some(Link { sequence: last.sequence, hash: RecordHash::of(&last.record) }),
        decided_at: last.at,
        cursors: [Cursor::default(); 5],
        released: Released::default(),
    };
    let known = Position { incarnation: 1, sequence: last.sequence };
    let entry = Entry::LossAccepted { known, by: "bob".to_owned(), why: "by mistake".to_owned() };
    let begun = begin_incarnation(&journal, (LOST, 16), 7, begin, &entry).await;
    begun.expect("it is appended");
    let seen = show(&world, 1).await;
    let why = seen["why"].as_str().expect("it says why");
    assert!(why.contains("of partition 3 of 16, and 3 of 5 is configured"), "{why}");
    for command in ["reseed", "accept-loss"] {
        let refused = world.earmark(&[&["partition", command, "3"][..], &WHY].concat()).await;
        let refused = refused.with(1).err();
        assert!(refused.contains(why) && refused.contains("streams.partitions to 16"), "{refused}");
    }
    let mut pod = world.spawn(&[]);
    world.not_ready(&format!("partition 3 is not served: it refuses to serve: {why}")).await;
    pod.kill();
}

#[tokio::test]
async fn what_was_done_is_said_though_redis_could_not_be_told() {
    let (world, ..) = lost(&[]).await;
    let mut redis = world.redis.connection().await;
    let mut config = redis::cmd("CONFIG");
    config.arg("SET").arg("min-replicas-to-write").arg(1);
    config.exec_async(&mut redis).await.expect("it takes no writes any more");
    let args = [&["partition", "accept-loss", "3", "--json"][..], &WHY].concat();
    let done = world.earmark(&args).await.with(0).json();
    assert_eq!(done["applied"], json!(true), "{done}");
    assert!(done["notes"].to_string().contains("Redis was not told of it"), "{done}");
    assert_eq!(done["after"]["can_be_served"], json!(true), "{done}");
    let said = audit(&world).await;
    let phases: Vec<&Value> = said.iter().map(|of| &of["phase"]).collect();
    assert_eq!(phases, ["begins", "done"]);
    assert_eq!(said[1]["record"], done["after"]["journal"]["last"], "{}", said[1]);
}

#[tokio::test]
async fn a_bucket_that_cannot_be_read_is_not_one_without_leases() {
    let denied = |user: &str, api: &str| {
        format!(
            "{{user: {user}, password: p, permissions: {{publish: {{deny: \
             [\"$JS.API.{api}.KV_EARMARK_CLUSTER\"]}}}}}}"
        )
    };
    let users = [denied("b", "STREAM.INFO"), denied("c", "STREAM.MSG.GET")].join(", ");
    let users = format!("{{user: a, password: p}}, {users}");
    let top = format!("authorization {{ users: [{users}] }}\nno_auth_user: a");
    let nats = NatsConfig { top, ..NatsConfig::default() };
    let world = World::start_on(nats, RedisConfig::default()).await;
    for user in ["b", "c"] {
        let url = format!("nats://{user}:p@{}", world.nats.addr());
        let more = [("EARMARK_NATS_URL", &*url)];
        let shown = world.earmark_with(&["partition", "show", "3"], &more).await;
        assert_ne!(shown.code(), 0, "{user}: {}", shown.out());
        assert!(shown.out().is_empty() && !shown.err().is_empty(), "{user}: {}", shown.out());
    }
    assert_eq!(show(&world, 0).await["lease"], Value::Null);
    world.context.delete_stream("KV_EARMARK_CLUSTER").await.expect("it can be deleted");
    assert_eq!(show(&world, 0).await["lease"], Value::Null);
}
