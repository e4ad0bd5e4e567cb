//! Pods among each other, as their machines without IO, on a bucket in memory that delays what it
//! takes and tells, forgets what is not written anew, and is cut off from some of them.
//!
//! What is asserted is what the pods promise: a partition is started only behind a lease, nobody
//! keeps what somebody else has, everything is had by somebody soon after the last fault, as evenly
//! as can be, and nothing moves that need not.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use earmark::{
    cluster::{Act, Delays, Lease, Member, News, Participant, Phase, Rules, Standing},
    domain::Level,
    ports::{Note, NoteError, Partition},
};
use proptest::prelude::*;
use tokio::time::Instant;

const PARTITIONS: Partition = 16;
const STEP: Duration = Duration::from_millis(50);

fn rules() -> Rules {
    Rules {
        lasts: Duration::from_secs(5),
        renew_every: Duration::from_millis(1_500),
        delays: Delays {
            settle: Duration::from_secs(5),
            lapsed: Duration::from_millis(500),
            turn: Duration::from_secs(1),
        },
    }
}

/// The bucket: notes, revisions, and when each note lapses.
#[derive(Default)]
struct Bucket {
    revision: u64,
    notes: BTreeMap<String, (Bytes, u64, Instant)>,
    told: Vec<Note>,
}

impl Bucket {
    fn write(&mut self, key: &str, value: Bytes, after: Option<u64>, now: Instant) -> Option<u64> {
        let at = self.notes.get(key).map(|(_, revision, _)| *revision);
        if at != after {
            return None;
        }
        self.revision += 1;
        self.notes.insert(key.to_owned(), (value.clone(), self.revision, now + rules().lasts));
        self.tell(key, Some(value));
        Some(self.revision)
    }

    fn remove(&mut self, key: &str) {
        self.notes.remove(key);
        self.revision += 1;
        self.tell(key, None);
    }

    fn tell(&mut self, key: &str, value: Option<Bytes>) {
        self.told.push(Note { key: key.to_owned(), value, revision: self.revision });
    }

    fn lapse(&mut self, now: Instant) {
        let lapsed = self.notes.iter().filter(|(_, (_, _, until))| *until <= now);
        let lapsed: Vec<String> = lapsed.map(|(key, _)| key.clone()).collect();
        lapsed.iter().for_each(|key| self.remove(key));
    }
}

struct Pod {
    participant: Participant,
    /// How much of what the bucket told it has heard.
    heard: usize,
    runs: BTreeSet<Partition>,
    stopping: Vec<(Partition, u32)>,
    frozen: bool,
    cut: bool,
    /// It reaches no store of snapshots.
    lost: bool,
}

struct World {
    bucket: Bucket,
    pods: BTreeMap<String, Pod>,
    now: Instant,
    /// How often each partition was started.
    starts: BTreeMap<Partition, u32>,
}

impl World {
    fn new() -> World {
        World {
            bucket: Bucket::default(),
            pods: BTreeMap::new(),
            now: Instant::now(),
            starts: BTreeMap::new(),
        }
    }

    fn join(&mut self, name: &str) {
        self.join_reading(name, 1);
    }

    fn join_reading(&mut self, name: &str, reads: u8) {
        let me = Member {
            pod: name.to_owned(),
            session: format!("session-{name}-{}", self.bucket.revision),
            version: "0".to_owned(),
            reads,
            reaches_snapshots: true,
            level: Level::Normal,
            standing: Standing::Serving,
            why: None,
            since: String::new(),
        };
        let mut participant = Participant::new(me, PARTITIONS, rules(), self.now);
        participant.begin();
        for (key, (value, revision, _)) in &self.bucket.notes {
            let note = Note { key: key.clone(), value: Some(value.clone()), revision: *revision };
            participant.note(&note, self.now);
        }
        participant.catch_up(self.now);
        let heard = self.bucket.told.len();
        let pod = Pod {
            participant,
            heard,
            runs: BTreeSet::new(),
            stopping: Vec::new(),
            frozen: false,
            cut: false,
            lost: false,
        };
        self.pods.insert(name.to_owned(), pod);
    }

    fn pod(&mut self, name: &str) -> &mut Pod {
        self.pods.get_mut(name).expect("the pod is there")
    }

    fn leave(&mut self, name: &str) {
        self.pod(name).participant.stand(Standing::Leaving, None);
    }

    fn kill(&mut self, name: &str) {
        self.pods.remove(name);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        self.bucket.lapse(self.now);
        let names: Vec<String> = self.pods.keys().cloned().collect();
        for name in names {
            self.turn(&name);
        }
        self.pods.retain(|_, pod| !pod.participant.is_gone());
    }

    fn turn(&mut self, name: &str) {
        let now = self.now;
        let pod = self.pods.get_mut(name).expect("the pod is there");
        if pod.frozen {
            return;
        }
        if !pod.cut {
            let told: Vec<Note> = self.bucket.told[pod.heard..].to_vec();
            pod.heard = self.bucket.told.len();
            told.iter().for_each(|note| pod.participant.note(note, now));
        }
        for (partition, left) in std::mem::take(&mut pod.stopping) {
            if left == 0 {
                pod.runs.remove(&partition);
                pod.participant.stopped(partition, true);
            } else {
                pod.stopping.push((partition, left - 1));
            }
        }
        pod.participant.reaches_snapshots(!pod.lost);
        for act in pod.participant.acts(now, "now") {
            match act {
                Act::Note { key, .. } if pod.cut => {
                    let away = NoteError::Later("cut off".to_owned());
                    pod.participant.wrote(&key, Err(away), now);
                }
                Act::Note { key, value, after } => {
                    let written = self.bucket.write(&key, value, after, now);
                    pod.participant.wrote(&key, written.ok_or(NoteError::Taken), now);
                }
                Act::TakeAway { key, .. } if pod.cut => {
                    let away = NoteError::Later("cut off".to_owned());
                    pod.participant.took_away(&key, &Err(away));
                }
                Act::TakeAway { key, after } => {
                    let stands = self.bucket.notes.get(&key).map(|(_, revision, _)| *revision);
                    let result = if stands == Some(after) { Ok(()) } else { Err(NoteError::Taken) };
                    if result.is_ok() {
                        self.bucket.remove(&key);
                    }
                    pod.participant.took_away(&key, &result);
                }
                Act::Start(partition) => {
                    let lease = self.bucket.notes.get(&Lease::key(partition));
                    let lease = lease.map(|(value, ..)| Lease::decode(value).expect("a lease"));
                    let session = &pod.participant.me().session;
                    assert!(lease.is_some_and(|lease| lease.session == *session), "behind a lease");
                    assert!(pod.runs.insert(partition), "{name} starts {partition} twice");
                    *self.starts.entry(partition).or_default() += 1;
                }
                Act::Stop(partition) => {
                    assert!(pod.runs.contains(&partition), "{name} stops {partition}");
                    pod.stopping.push((partition, 2));
                }
            }
        }
    }

    fn owners(&self) -> BTreeMap<Partition, Vec<&str>> {
        let mut owners: BTreeMap<Partition, Vec<&str>> = BTreeMap::new();
        for (name, pod) in &self.pods {
            for partition in &pod.runs {
                owners.entry(*partition).or_default().push(name);
            }
        }
        owners
    }

    fn loads(&self) -> Vec<usize> {
        self.pods.values().map(|pod| pod.runs.len()).collect()
    }

    fn all_is_well(&self) {
        let owners = self.owners();
        assert_eq!(owners.len(), usize::from(PARTITIONS), "{owners:?}");
        assert!(owners.values().all(|owners| owners.len() == 1), "{owners:?}");
        let loads = self.loads();
        let (least, most) = (loads.iter().min(), loads.iter().max());
        let even = least.zip(most).is_some_and(|(least, most)| most - least <= 1);
        assert!(even, "{loads:?}");
    }
}

#[test]
fn pods_that_come_together_share_at_once() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(3));
    world.all_is_well();
    assert!(world.starts.values().all(|starts| *starts == 1), "{:?}", world.starts);
}

#[test]
fn only_what_must_move_moves_when_a_pod_comes() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.join("d");
    world.pass(Duration::from_secs(4));
    assert_eq!(world.pod("d").runs.len(), 0, "before it has settled nothing moves");
    world.pass(Duration::from_secs(10));
    world.all_is_well();
    let moved: u32 = world.starts.values().map(|starts| starts - 1).sum();
    assert_eq!(moved, 4);
}

/// Lets all pods know which partitions promotions pin.
fn pin(world: &mut World, pinned: &BTreeSet<Partition>) {
    world.pods.values_mut().for_each(|pod| pod.participant.pin(pinned.clone()));
}

#[test]
fn what_is_pinned_is_not_moved_for_balance_until_it_is_pinned_no_more() {
    let mut world = World::new();
    world.join("a");
    world.pass(Duration::from_secs(10));
    let pinned: BTreeSet<Partition> = (0..12).collect();
    world.join("b");
    pin(&mut world, &pinned);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.pod("b").runs, (12..16).collect(), "all that may move, and nothing else");
    // Of those that are full of what is pinned nothing can be had: others give what they can.
    world.join("c");
    pin(&mut world, &pinned);
    world.pass(Duration::from_secs(20));
    let loads = ["a", "b", "c"].map(|name| world.pod(name).runs.len());
    assert_eq!(loads, [12, 2, 2]);
    assert!(pinned.iter().all(|partition| world.starts[partition] == 1), "{:?}", world.starts);
    pin(&mut world, &BTreeSet::new());
    world.pass(Duration::from_secs(20));
    world.all_is_well();
}

#[test]
fn what_is_pinned_is_handed_over_and_taken_over_as_ever() {
    let mut world = World::new();
    ["a", "b"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.join("c");
    let all = (0..PARTITIONS).collect();
    pin(&mut world, &all);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.pod("c").runs.len(), 0, "nothing moves for balance");
    // Who leaves hands over to the emptiest; what nobody has is taken.
    world.leave("a");
    world.pass(Duration::from_secs(2));
    assert_eq!((world.pod("b").runs.len(), world.pod("c").runs.len()), (8, 8));
    world.kill("b");
    world.pass(Duration::from_secs(10));
    assert_eq!(world.pod("c").runs.len(), 16);
    world.join("d");
    pin(&mut world, &all);
    world.pass(Duration::from_secs(20));
    assert_eq!(world.pod("d").runs.len(), 0);
    // A drained one, too.
    world.pod("c").participant.stand(Standing::Waiting, Some("it was drained".to_owned()));
    world.pass(Duration::from_secs(5));
    assert_eq!((world.pod("c").runs.len(), world.pod("d").runs.len()), (0, 16));
}

#[test]
fn only_its_partitions_move_when_a_pod_leaves_and_none_waits() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    let had = world.pod("b").runs.len();
    world.leave("b");
    world.pass(Duration::from_secs(1));
    assert!(!world.pods.contains_key("b"), "it has left");
    world.all_is_well();
    let moved: u32 = world.starts.values().map(|starts| starts - 1).sum();
    assert_eq!(moved as usize, had);
}

#[test]
fn what_a_dead_pod_had_is_taken_over_after_its_leases() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.kill("b");
    world.pass(Duration::from_secs(7));
    world.all_is_well();
}

#[test]
fn a_frozen_pod_gives_way_when_it_wakes_and_joins_again() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    let had = world.pod("b").runs.clone();
    world.pod("b").frozen = true;
    world.pass(Duration::from_secs(30));
    world.pod("b").frozen = false;
    world.pass(Duration::from_millis(200));
    let kept: Vec<_> = world.pod("b").runs.intersection(&had).copied().collect();
    assert!(kept.is_empty(), "it still runs {kept:?}");
    world.pass(Duration::from_secs(15));
    world.all_is_well();
}

#[test]
fn nobody_restarts_anything_when_the_bucket_was_away_for_all() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.pods.values_mut().for_each(|pod| pod.cut = true);
    world.pass(Duration::from_secs(60));
    world.pods.values_mut().for_each(|pod| pod.cut = false);
    world.pass(Duration::from_secs(10));
    world.all_is_well();
    assert!(world.starts.values().all(|starts| *starts == 1), "{:?}", world.starts);
}

#[test]
fn a_rolling_update_of_five_moves_each_partition_at_most_twice() {
    for surge in [true, false] {
        let mut world = World::new();
        (0..5).for_each(|pod| world.join(&format!("old-{pod}")));
        world.pass(Duration::from_secs(15));
        world.starts.clear();
        for pod in 0..5 {
            if surge {
                world.join(&format!("new-{pod}"));
                world.pass(Duration::from_secs(2));
            }
            world.leave(&format!("old-{pod}"));
            world.pass(Duration::from_secs(2));
            if !surge {
                world.join(&format!("new-{pod}"));
                world.pass(Duration::from_secs(2));
            }
        }
        world.pass(Duration::from_secs(15));
        world.all_is_well();
        assert!(world.starts.values().all(|moves| *moves <= 2), "{surge} {:?}", world.starts);
    }
}

#[test]
fn who_reads_too_little_gives_way_to_who_reads_it() {
    let mut world = World::new();
    world.join_reading("old", 1);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.pod("old").runs.len(), 16);
    // What it has turns out to be newer than it reads, and nobody else is there.
    for partition in [3, 7] {
        let news = News { phase: Phase::Waiting, format: 2, ..News::default() };
        world.pod("old").participant.news(partition, news);
    }
    world.pass(Duration::from_secs(3));
    assert_eq!(world.pod("old").runs.len(), 16, "nobody could do better");
    world.join_reading("new", 2);
    world.pass(Duration::from_secs(2));
    let new = &world.pod("new").runs;
    assert_eq!(*new, BTreeSet::from([3, 7]), "at once, and nothing else");
    world.pass(Duration::from_secs(10));
    world.all_is_well();
}

#[test]
fn an_old_pod_is_given_nothing_that_it_cannot_read() {
    let mut world = World::new();
    ["a", "b"].iter().for_each(|name| world.join_reading(name, 2));
    world.pass(Duration::from_secs(3));
    for name in ["a", "b"] {
        for partition in world.pod(name).runs.clone() {
            let news = News { phase: Phase::Serving, format: 2, ..News::default() };
            world.pod(name).participant.news(partition, news);
        }
    }
    world.pass(Duration::from_secs(3));
    world.join_reading("old", 1);
    world.pass(Duration::from_secs(10));
    assert!(world.pod("old").runs.is_empty());
    world.kill("a");
    world.pass(Duration::from_secs(10));
    assert_eq!((world.pod("old").runs.len(), world.pod("b").runs.len()), (0, 16));
    world.join_reading("c", 2);
    world.pass(Duration::from_secs(10));
    assert_eq!(world.pod("c").runs.len(), 8, "an old one stands in nobody's way");
}

#[test]
fn a_pod_that_alone_loses_the_snapshots_steps_aside_until_it_reaches_them() {
    let mut world = World::new();
    ["a", "b", "c"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    let had = world.pod("b").runs.clone();
    world.pod("b").lost = true;
    world.pass(Duration::from_secs(9));
    assert_eq!(world.pod("b").runs, had, "it may come back");
    world.pass(Duration::from_secs(3));
    assert!(world.pod("b").runs.is_empty());
    assert_eq!(world.owners().len(), usize::from(PARTITIONS), "others have them");
    let moved: u32 = world.starts.values().map(|starts| starts - 1).sum();
    assert_eq!(moved as usize, had.len(), "and nothing else moved");
    world.pod("b").lost = false;
    world.pass(Duration::from_secs(10));
    world.all_is_well();
}

#[test]
fn while_nobody_reaches_the_snapshots_nothing_moves() {
    let mut world = World::new();
    ["a", "b"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.pod("a").lost = true;
    world.pass(Duration::from_secs(2));
    world.pod("b").lost = true;
    world.join("c");
    world.pod("c").lost = true;
    world.pass(Duration::from_secs(60));
    assert!(world.pod("c").runs.is_empty());
    // The way back is not found by all at once.
    for name in ["a", "b"] {
        world.pod(name).lost = false;
        world.pass(Duration::from_secs(4));
    }
    assert!(world.starts.values().all(|starts| *starts == 1), "{:?}", world.starts);
    world.pod("c").lost = false;
    world.pass(Duration::from_secs(15));
    world.all_is_well();
}

#[test]
fn a_pod_without_snapshots_takes_what_nobody_else_can() {
    let mut world = World::new();
    ["a", "b"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.pods.values_mut().for_each(|pod| pod.lost = true);
    world.kill("a");
    world.pass(Duration::from_secs(10));
    world.all_is_well();
}

#[test]
fn what_is_no_lease_and_never_lapses_is_taken_over() {
    let mut world = World::new();
    ["a", "b"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    let (key, bucket) = (Lease::key(3), &mut world.bucket);
    bucket.revision += 1;
    let garbage = Bytes::from_static(b"garbage");
    let for_ever = world.now + Duration::from_secs(1_000_000);
    bucket.notes.insert(key.clone(), (garbage.clone(), bucket.revision, for_ever));
    bucket.tell(&key, Some(garbage));
    world.pass(Duration::from_secs(5));
    assert!(!world.owners().contains_key(&3), "it may be a newer build's");
    world.pass(Duration::from_secs(10));
    world.all_is_well();
}

#[test]
fn who_leaves_without_ever_having_joined_is_gone_at_once() {
    let mut world = World::new();
    world.join("a");
    world.pass(Duration::from_secs(5));
    let me = Member { session: "other".to_owned(), ..world.pod("a").participant.me().clone() };
    let mut twin = Participant::new(me, PARTITIONS, rules(), world.now);
    twin.begin();
    twin.stand(Standing::Leaving, None);
    assert!(twin.acts(world.now, "now").is_empty() && twin.is_gone());
}

#[test]
fn a_pod_that_has_lost_its_memory_waits_for_its_namesake() {
    let mut world = World::new();
    ["a", "b"].iter().for_each(|name| world.join(name));
    world.pass(Duration::from_secs(10));
    world.kill("b");
    world.join("b");
    world.pass(Duration::from_secs(1));
    assert!(world.pod("b").participant.namesake().is_some());
    assert!(world.pod("b").runs.is_empty());
    world.pass(Duration::from_secs(20));
    world.all_is_well();
}

#[test]
fn who_slept_since_it_was_granted_a_partition_does_not_start_it_behind_its_lease() {
    let mut world = World::new();
    world.join("a");
    world.pod("a").lost = true;
    world.pass(Duration::from_millis(551));
    world.pod("a").frozen = true;
    world.pass(Duration::from_millis(4_901));
    world.pod("a").frozen = false;
    world.pass(Duration::from_secs(60));
    world.all_is_well();
}

/// What happens to a pod.
#[derive(Clone, Debug)]
enum Fault {
    Join(u8),
    Leave(u8),
    Kill(u8),
    Freeze(u8),
    Cut(u8),
    Lose(u8),
    Heal,
}

fn faults() -> impl Strategy<Value = Vec<(Fault, u64)>> {
    let pod = 0_u8..5;
    let fault = prop_oneof![
        pod.clone().prop_map(Fault::Join),
        pod.clone().prop_map(Fault::Leave),
        pod.clone().prop_map(Fault::Kill),
        pod.clone().prop_map(Fault::Freeze),
        pod.clone().prop_map(Fault::Cut),
        pod.prop_map(Fault::Lose),
        Just(Fault::Heal),
    ];
    proptest::collection::vec((fault, 50_u64..9_000), 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_everything_is_had_once_afterwards(faults in faults()) {
        let mut world = World::new();
        world.join("0");
        for (fault, pause) in faults {
            match fault {
                Fault::Join(pod) => {
                    if !world.pods.contains_key(&pod.to_string()) {
                        world.join(&pod.to_string());
                    }
                }
                Fault::Heal => world.pods.values_mut().for_each(|pod| {
                    (pod.cut, pod.frozen, pod.lost) = (false, false, false);
                }),
                Fault::Leave(pod)
                | Fault::Kill(pod)
                | Fault::Freeze(pod)
                | Fault::Cut(pod)
                | Fault::Lose(pod) => {
                    let name = pod.to_string();
                    if !world.pods.contains_key(&name) {
                        continue;
                    }
                    match fault {
                        Fault::Leave(_) => world.leave(&name),
                        Fault::Kill(_) => world.kill(&name),
                        Fault::Freeze(_) => world.pod(&name).frozen = true,
                        Fault::Lose(_) => world.pod(&name).lost = true,
                        _ => world.pod(&name).cut = true,
                    }
                }
            }
            world.pass(Duration::from_millis(pause));
        }
        let healed = |pod: &mut Pod| (pod.cut, pod.frozen, pod.lost) = (false, false, false);
        world.pods.values_mut().for_each(healed);
        world.join("last");
        world.pass(Duration::from_secs(60));
        world.all_is_well();
    }
}

/// What was to move was chosen anew at each step, from leases that did not say yet since when; so
/// everything moved, and then back, for ever.
#[test]
fn what_moves_is_chosen_once() {
    let mut world = World::new();
    world.join("0");
    world.pod("0").lost = true;
    world.pass(Duration::from_millis(100));
    world.pod("0").frozen = true;
    world.join("1");
    world.pass(Duration::from_millis(4_851));
    (world.pod("0").frozen, world.pod("0").lost) = (false, false);
    world.pass(Duration::from_millis(5_051));
    world.pod("1").cut = true;
    world.pass(Duration::from_millis(451));
    world.pod("1").cut = false;
    world.join("last");
    world.pass(Duration::from_secs(20));
    world.all_is_well();
}
