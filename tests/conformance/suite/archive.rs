//! The ports of archives: copying a snapshot, building one beside it, and the shelf.

use std::collections::BTreeSet;

use bytes::Bytes;
use earmark::{
    archive::ArchivePorts,
    domain::{
        DueClock,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    ports::{At, Built, Delta, EntityChange, Position},
};

use super::{World, bytes};

/// Later than any clock here.
const LATER: Timestamp = Timestamp(4_000_000_000_000_000);

fn at(sequence: u64) -> Position {
    Position { incarnation: 1, sequence }
}

fn sku(name: &str) -> EntityKey {
    EntityKey::Sku(Sku::new(name).expect("a name"))
}

fn entity(key: EntityKey, folded_to: u64, parts: &[(&str, &str)], due: i64) -> EntityChange {
    let part = |(name, value): &(&str, &str)| (name.to_string(), Some(bytes(*value)));
    let due = (due > 0).then_some(Timestamp(due));
    EntityChange {
        key,
        folded_to,
        parts: parts.iter().map(part).collect(),
        dues: [(DueClock::Settled, due), (DueClock::Demand, None)],
    }
}

fn archive(world: &World) -> &ArchivePorts {
    world.archive.as_ref().expect("this world has archives")
}

async fn advance(world: &World, from: u64, to: u64, changes: Vec<EntityChange>) {
    let state = bytes(format!("state {to}"));
    let delta = Delta { from: at(from), to: at(to), state, changes };
    let advanced = world.snapshots.advance(1, &delta).await.expect("a delta is answered");
    assert_eq!(advanced, At::Here(()));
}

/// What is copied of these, with parts in order.
async fn copy(world: &World, keys: &[EntityKey]) -> (String, Position, Vec<EntityChange>) {
    let copied = archive(world).copies.copy(1, keys).await.expect("a copy is answered");
    let mut copied = copied.expect("there is a snapshot");
    copied.entities.iter_mut().for_each(|entity| entity.parts.sort());
    (copied.which, copied.at, copied.entities)
}

pub async fn a_copy_says_where_the_snapshot_stood(world: &World) {
    let none = archive(world).copies.copy(1, &[sku("a")]).await.expect("nothing is an answer");
    assert_eq!(none, None);
    world.snapshots.reset(1, at(5), bytes("state 5")).await.expect("a reset works");
    let due = 1_764_174_371_123_457;
    let order = EntityKey::Order(OrderId::new("a : {b}.*> ü").expect("a name"));
    let a = entity(sku("a : {b}.*> ü"), 6, &[("@", "at"), ("hold/1", "h")], due);
    let o = entity(order.clone(), 6, &[("head", "\0\u{1}")], 0);
    advance(world, 5, 6, vec![a.clone(), o.clone()]).await;
    let gone = entity(sku("unknown"), 0, &[], 0);
    let (which, stood, entities) =
        copy(world, &[order.clone(), gone.key.clone(), a.key.clone()]).await;
    assert_eq!((stood, entities), (at(6), vec![o, gone, a.clone()]));
    advance(world, 6, 7, vec![]).await;
    let (same, stood, entities) = copy(world, &[]).await;
    assert_eq!((same, stood, entities), (which.clone(), at(7), vec![]), "it moved on");
    world.snapshots.reset(1, at(7), bytes("again")).await.expect("a reset works");
    let (other, stood, entities) = copy(world, std::slice::from_ref(&a.key)).await;
    assert_ne!(other, which, "another snapshot");
    assert_eq!((stood, &entities[0].parts), (at(7), &vec![]));
}

pub async fn all_keys_are_named(world: &World) {
    world.snapshots.reset(1, at(1), bytes("s")).await.expect("a reset works");
    world.snapshots.reset(2, at(1), bytes("s")).await.expect("a reset works");
    let names: BTreeSet<EntityKey> = (0..2_500).map(|n| sku(&format!("S:{n}*"))).collect();
    let changes = names.iter().map(|key| entity(key.clone(), 2, &[("x", "1")], 9)).collect();
    advance(world, 1, 2, changes).await;
    let (which, _, _) = copy(world, &[]).await;
    let copies = &archive(world).copies;
    let (mut found, mut cursor, mut life) = (BTreeSet::new(), 0, None);
    loop {
        let named = copies.keys(1, &which, cursor).await.expect("keys are named");
        let named = named.expect("it is the same snapshot");
        assert_eq!(
            (named.at, named.life == *life.get_or_insert(named.life.clone())),
            (at(2), true)
        );
        found.extend(named.keys);
        cursor = named.next;
        if cursor == 0 {
            break;
        }
    }
    assert!(found == names, "{} of {}", found.len(), names.len());
    world.snapshots.reset(1, at(2), bytes("s")).await.expect("a reset works");
    let named = copies.keys(1, &which, 0).await.expect("it is answered");
    assert_eq!(named, None, "it is another snapshot");
}

pub async fn a_snapshot_is_built_where_nobody_sees_it(world: &World) {
    let copies = &archive(world).copies;
    world.snapshots.reset(1, at(5), bytes("state 5")).await.expect("a reset works");
    advance(world, 5, 6, vec![entity(sku("old"), 6, &[("x", "1")], 3)]).await;
    let which = copies.begin(1).await.expect("it is begun");
    let first = [
        entity(sku("a"), 2, &[("x", "1"), ("y", "2")], 7),
        entity(sku("b"), 2, &[("x", "1")], 8),
        entity(sku("c"), 2, &[("x", "1")], 0),
    ];
    for _ in 0..2 {
        assert_eq!(copies.fill(1, &which, 1, &first).await.expect("it is filled"), Built::Done);
    }
    // What comes later counts: another one, and one that is gone.
    let later = [entity(sku("a"), 3, &[("y", "3")], 0), entity(sku("b"), 0, &[], 0)];
    assert_eq!(copies.fill(1, &which, 2, &later).await.expect("it is filled"), Built::Done);
    assert_eq!(copy(world, &[sku("a")]).await.1, at(6), "nobody sees it yet");
    for _ in 0..2 {
        let finished = copies.finish(1, &which, 2, at(3), bytes("state 3")).await;
        assert_eq!(finished.expect("it is finished"), Built::Done);
    }
    let state = world.snapshots.state(1).await.expect("it is read");
    assert_eq!(state, Some((at(3), bytes("state 3"))));
    let keys = ["a", "b", "c", "old"].map(sku);
    let (found, _, entities) = copy(world, &keys).await;
    let [a, c] = [&later[0], &first[2]];
    let gone = |key: &str| entity(sku(key), 0, &[], 0);
    assert_eq!(found, which);
    assert_eq!(entities, [a.clone(), gone("b"), c.clone(), gone("old")]);
    let due = world.snapshots.due(1, at(3), DueClock::Settled, LATER, 9).await;
    assert_eq!(due.expect("it is answered"), At::Here(vec![]), "no deadline is left");
    advance(world, 3, 4, vec![entity(sku("d"), 4, &[("x", "1")], 5)]).await;
    let due = world.snapshots.due(1, at(4), DueClock::Settled, LATER, 9).await;
    assert_eq!(due.expect("it is answered"), At::Here(vec![sku("d")]), "it goes on");
}

pub async fn what_was_begun_before_is_superseded(world: &World) {
    let copies = &archive(world).copies;
    let first = copies.begin(1).await.expect("it is begun");
    let second = copies.begin(1).await.expect("another one is begun");
    let change = [entity(sku("a"), 2, &[("x", "1")], 0)];
    let fill = async |which: &str| copies.fill(1, which, 1, &change).await.expect("it is answered");
    assert_eq!(fill(&first).await, Built::Superseded);
    assert_eq!(fill(&second).await, Built::Done);
    let finish = async |which: &str| {
        copies.finish(1, which, 1, at(2), bytes("s")).await.expect("it is answered")
    };
    assert_eq!(finish(&first).await, Built::Superseded);
    assert_eq!(world.snapshots.state(1).await.expect("it is read"), None);
    assert_eq!(finish(&second).await, Built::Done);
    assert_eq!(copy(world, &[sku("a")]).await.2, change);
}

pub async fn what_lacks_a_fill_is_never_put_in_place(world: &World) {
    let copies = &archive(world).copies;
    let which = copies.begin(1).await.expect("it is begun");
    let change = [entity(sku("a"), 2, &[("x", "1")], 0)];
    let fill =
        async |number: u64| copies.fill(1, &which, number, &change).await.expect("it is answered");
    let finish = async |fills: u64| {
        copies.finish(1, &which, fills, at(2), bytes("s")).await.expect("it is answered")
    };
    assert_eq!(fill(2).await, Built::Lost, "the first is missing");
    assert_eq!(finish(1).await, Built::Lost);
    assert_eq!(fill(1).await, Built::Done);
    assert_eq!(fill(3).await, Built::Lost, "the second is missing");
    assert_eq!(finish(2).await, Built::Lost);
    assert_eq!(world.snapshots.state(1).await.expect("it is read"), None);
    assert_eq!(finish(1).await, Built::Done);
    let empty = copies.begin(1).await.expect("it is begun");
    let finished = copies.finish(1, &empty, 0, at(3), bytes("s")).await.expect("it is answered");
    assert_eq!(finished, Built::Done, "a snapshot may have no entities");
}

pub async fn the_shelf_keeps_objects(world: &World) {
    let shelf = &archive(world).shelf;
    assert_eq!(shelf.list("").await.expect("nothing is an answer"), []);
    assert_eq!(shelf.get("p1/none").await.expect("nothing is an answer"), None);
    let large = Bytes::from((0..3_000_000_u32).map(|n| (n / 7) as u8).collect::<Vec<_>>());
    shelf.put("p1/large", large.clone()).await.expect("it is kept");
    shelf.put("p1/empty", Bytes::new()).await.expect("it is kept");
    shelf.put("p2/other", bytes("other")).await.expect("it is kept");
    assert!(shelf.get("p1/large").await.expect("it is read") == Some(large), "all of it");
    assert_eq!(shelf.get("p1/empty").await.expect("it is read"), Some(Bytes::new()));
    let kept = shelf.list("p1/").await.expect("they are listed");
    let mut kept: Vec<_> = kept.into_iter().map(|kept| (kept.name, kept.bytes)).collect();
    kept.sort();
    assert_eq!(kept, [("p1/empty".to_owned(), 0), ("p1/large".to_owned(), 3_000_000)]);
    shelf.put("p1/large", bytes("smaller")).await.expect("it is replaced");
    assert_eq!(shelf.get("p1/large").await.expect("it is read"), Some(bytes("smaller")));
}

pub async fn what_is_deleted_leaves_nothing(world: &World) {
    let shelf = &archive(world).shelf;
    shelf.put("p1/a", bytes("a")).await.expect("it is kept");
    shelf.put("p1/b", bytes("b")).await.expect("it is kept");
    for _ in 0..2 {
        shelf.delete("p1/a").await.expect("it is deleted, or gone already");
    }
    shelf.sweep(LATER).await.expect("it is swept");
    let kept = shelf.list("").await.expect("they are listed");
    assert_eq!(kept.iter().map(|kept| kept.name.as_str()).collect::<Vec<_>>(), ["p1/b"]);
    assert_eq!(shelf.get("p1/a").await.expect("nothing is an answer"), None);
    assert_eq!(shelf.get("p1/b").await.expect("it is read"), Some(bytes("b")));
}
