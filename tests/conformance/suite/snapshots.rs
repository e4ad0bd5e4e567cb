//! The snapshot port: positions, entities, deadlines, the committed mark.

use bytes::Bytes;
use earmark::{
    domain::{
        DueClock,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    ports::{At, Delta, EntityChange, Position, StoredEntity},
};

use super::{World, bytes};

fn at(sequence: u64) -> Position {
    Position { incarnation: 1, sequence }
}

fn sku(name: &str) -> EntityKey {
    EntityKey::Sku(Sku::new(name).expect("a name"))
}

fn order(name: &str) -> EntityKey {
    EntityKey::Order(OrderId::new(name).expect("a name"))
}

fn change(key: EntityKey, folded_to: u64, parts: &[(&str, Option<&str>)]) -> EntityChange {
    let part = |(name, value): &(&str, Option<&str>)| (name.to_string(), value.map(bytes));
    let dues = [(DueClock::Settled, None), (DueClock::Demand, None)];
    EntityChange { key, folded_to, parts: parts.iter().map(part).collect(), dues }
}

fn delta(from: u64, to: u64, changes: Vec<EntityChange>) -> Delta {
    Delta { from: at(from), to: at(to), state: bytes(format!("state {to}")), changes }
}

fn sorted(entity: Option<StoredEntity>) -> Option<StoredEntity> {
    entity.map(|mut entity| {
        entity.parts.sort();
        entity
    })
}

fn stored(folded_to: u64, parts: &[(&str, &str)]) -> Option<StoredEntity> {
    let part = |(name, value): &(&str, &str)| (name.to_string(), bytes(*value));
    Some(StoredEntity { folded_to, parts: parts.iter().map(part).collect() })
}

async fn reset(world: &World, to: u64) {
    world.snapshots.reset(1, at(to), bytes(format!("state {to}"))).await.expect("a reset works");
}

async fn advance(world: &World, delta: &Delta) -> At<()> {
    world.snapshots.advance(1, delta).await.expect("a delta is answered")
}

async fn load(world: &World, place: u64, keys: &[EntityKey]) -> At<Vec<Option<StoredEntity>>> {
    let loaded = world.snapshots.load(1, at(place), keys).await.expect("a load is answered");
    match loaded {
        At::Here(entities) => At::Here(entities.into_iter().map(sorted).collect()),
        elsewhere => elsewhere,
    }
}

pub async fn nothing_is_nowhere(world: &World) {
    assert_eq!(world.snapshots.state(1).await.expect("nothing is an answer"), None);
    assert_eq!(load(world, 0, &[sku("a")]).await, At::Elsewhere(None));
    assert_eq!(advance(world, &delta(0, 1, vec![])).await, At::Elsewhere(None));
    let due = world.snapshots.due(1, at(0), DueClock::Settled, Timestamp(9), 9).await;
    assert_eq!(due.expect("it is answered"), At::Elsewhere(None));
    assert_eq!(world.snapshots.committed(1).await.expect("nothing is an answer"), None);
}

pub async fn entities_come_back(world: &World) {
    reset(world, 5).await;
    let (a, o) = (sku("a : {b}.*> ü"), order("a : {b}.*> ü"));
    let keys = [a.clone(), sku("unknown"), o.clone()];
    let first = vec![
        change(a.clone(), 6, &[("@", Some("at")), ("@@x", Some("")), ("hold/1", Some("h"))]),
        change(o.clone(), 6, &[("head", Some("\0\u{1}"))]),
    ];
    assert_eq!(advance(world, &delta(5, 6, first)).await, At::Here(()));
    let expected = vec![
        stored(6, &[("@", "at"), ("@@x", ""), ("hold/1", "h")]),
        None,
        stored(6, &[("head", "\0\u{1}")]),
    ];
    assert_eq!(load(world, 6, &keys).await, At::Here(expected));
    let second = vec![
        change(a.clone(), 8, &[("@", None), ("hold/1", Some("h2")), ("never was", None)]),
        change(o.clone(), 8, &[("head", None)]),
    ];
    assert_eq!(advance(world, &delta(6, 9, second)).await, At::Here(()));
    let expected = vec![stored(8, &[("@@x", ""), ("hold/1", "h2")]), None, None];
    assert_eq!(load(world, 9, &keys).await, At::Here(expected));
    let state = world.snapshots.state(1).await.expect("it is read");
    assert_eq!(state, Some((at(9), bytes("state 9"))));
    assert_eq!(load(world, 9, &[]).await, At::Here(vec![]));
}

pub async fn a_delta_needs_its_predecessor(world: &World) {
    reset(world, 5).await;
    let late = delta(7, 8, vec![change(sku("a"), 8, &[("x", Some("1"))])]);
    assert_eq!(advance(world, &late).await, At::Elsewhere(Some(at(5))));
    let mut other = delta(5, 6, vec![change(sku("a"), 6, &[("x", Some("1"))])]);
    other.from.incarnation = 2;
    assert_eq!(advance(world, &other).await, At::Elsewhere(Some(at(5))));
    assert_eq!(load(world, 5, &[sku("a")]).await, At::Here(vec![None]), "and changes nothing");
    assert_eq!(load(world, 4, &[sku("a")]).await, At::Elsewhere(Some(at(5))));
    let due = world.snapshots.due(1, at(6), DueClock::Demand, Timestamp(9), 9).await;
    assert_eq!(due.expect("it is answered"), At::Elsewhere(Some(at(5))));
}

pub async fn a_repeated_delta_is_success(world: &World) {
    reset(world, 5).await;
    let first = delta(5, 6, vec![change(sku("a"), 6, &[("x", Some("1"))])]);
    assert_eq!(advance(world, &first).await, At::Here(()));
    assert_eq!(advance(world, &first).await, At::Here(()));
    assert_eq!(load(world, 6, &[sku("a")]).await, At::Here(vec![stored(6, &[("x", "1")])]));
    assert_eq!(advance(world, &delta(6, 7, vec![])).await, At::Here(()));
    assert_eq!(advance(world, &first).await, At::Elsewhere(Some(at(7))));
}

pub async fn deadlines_come_earliest_first(world: &World) {
    reset(world, 1).await;
    let due = |key: EntityKey, settled: Option<i64>, demand: Option<i64>| EntityChange {
        dues: [
            (DueClock::Settled, settled.map(Timestamp)),
            (DueClock::Demand, demand.map(Timestamp)),
        ],
        ..change(key, 2, &[("x", Some("1"))])
    };
    const T: i64 = 1_800_000_000_000_000;
    let changes = vec![
        due(sku("late"), Some(T + 2), None),
        due(sku("early"), Some(T), Some(T + 9)),
        due(order("middle"), Some(T + 1), None),
        due(sku("never"), None, None),
    ];
    assert_eq!(advance(world, &delta(1, 2, changes)).await, At::Here(()));
    let ask = async |place, clock, before, limit| {
        let due = world.snapshots.due(1, at(place), clock, Timestamp(before), limit).await;
        due.expect("it is answered")
    };
    let settled = ask(2, DueClock::Settled, T + 2, 9).await;
    assert_eq!(settled, At::Here(vec![sku("early"), order("middle")]), "before, and not at");
    assert_eq!(ask(2, DueClock::Settled, T + 3, 1).await, At::Here(vec![sku("early")]));
    assert_eq!(ask(2, DueClock::Demand, i64::MAX, 9).await, At::Here(vec![sku("early")]));
    let changes = vec![due(sku("early"), None, Some(T + 9)), due(sku("late"), Some(T - 1), None)];
    assert_eq!(advance(world, &delta(2, 3, changes)).await, At::Here(()));
    let settled = ask(3, DueClock::Settled, i64::MAX, 9).await;
    assert_eq!(settled, At::Here(vec![sku("late"), order("middle")]));
}

pub async fn a_reset_forgets(world: &World) {
    reset(world, 1).await;
    let mut with_due = change(sku("a"), 2, &[("x", Some("1"))]);
    with_due.dues[0].1 = Some(Timestamp(5));
    assert_eq!(advance(world, &delta(1, 2, vec![with_due])).await, At::Here(()));
    reset(world, 9).await;
    assert_eq!(load(world, 2, &[sku("a")]).await, At::Elsewhere(Some(at(9))));
    assert_eq!(load(world, 9, &[sku("a")]).await, At::Here(vec![None]));
    let due = world.snapshots.due(1, at(9), DueClock::Settled, Timestamp::MAX, 9).await;
    assert_eq!(due.expect("it is answered"), At::Here(vec![]));
    let state = world.snapshots.state(1).await.expect("it is read");
    assert_eq!(state, Some((at(9), bytes("state 9"))));
    reset(world, 9).await;
    assert_eq!(load(world, 9, &[sku("a")]).await, At::Here(vec![None]), "also the same place");
}

pub async fn the_committed_mark_only_rises(world: &World) {
    let note = async |incarnation, sequence| {
        let position = Position { incarnation, sequence };
        world.snapshots.note_committed(1, position).await.expect("it is noted");
        world.snapshots.committed(1).await.expect("it is read").map(|p| (p.incarnation, p.sequence))
    };
    assert_eq!(note(1, 9).await, Some((1, 9)));
    assert_eq!(note(1, 10).await, Some((1, 10)));
    assert_eq!(note(1, 9).await, Some((1, 10)), "never back");
    assert_eq!(note(2, 3).await, Some((2, 3)), "a new incarnation is higher");
    assert_eq!(note(1, 11).await, Some((2, 3)));
    assert_eq!(note(2, 1 << 60).await, Some((2, 1 << 60)), "and exact");
    assert_eq!(note(2, (1 << 60) + 1).await, Some((2, (1 << 60) + 1)));
    reset(world, 1).await;
    assert_eq!(note(1, 1).await, Some((2, (1 << 60) + 1)), "a reset does not touch it");
}

pub async fn partitions_have_snapshots_of_their_own(world: &World) {
    reset(world, 1).await;
    assert_eq!(world.snapshots.state(2).await.expect("nothing is an answer"), None);
    world.snapshots.reset(2, at(7), bytes("two")).await.expect("a reset works");
    let one = delta(1, 2, vec![change(sku("a"), 2, &[("x", Some("1"))])]);
    assert_eq!(advance(world, &one).await, At::Here(()));
    let two = world.snapshots.load(2, at(7), &[sku("a")]).await.expect("it is answered");
    assert_eq!(two, At::Here(vec![None]));
}

pub async fn a_large_delta_is_one_step(world: &World) {
    reset(world, 1).await;
    let parts = (0..20_000).map(|n| (format!("hold/{n}"), Some(bytes(n.to_string())))).collect();
    let mut large = change(sku("large"), 2, &[]);
    large.parts = parts;
    let mut changes = vec![large];
    changes.extend((0..3_000).map(|n| change(sku(&format!("s{n}")), 2, &[("x", Some("1"))])));
    assert_eq!(advance(world, &delta(1, 2, changes)).await, At::Here(()));
    let At::Here(loaded) = load(world, 2, &[sku("large"), sku("s2999")]).await else {
        panic!("it stands elsewhere");
    };
    assert_eq!(loaded[0].as_ref().map(|entity| entity.parts.len()), Some(20_000));
    assert_eq!(loaded[1], stored(2, &[("x", "1")]));
    let mut gone = change(sku("large"), 3, &[]);
    gone.parts = (0..20_000).map(|n| (format!("hold/{n}"), None::<Bytes>)).collect();
    assert_eq!(advance(world, &delta(2, 3, vec![gone])).await, At::Here(()));
    assert_eq!(load(world, 3, &[sku("large")]).await, At::Here(vec![None]));
}
