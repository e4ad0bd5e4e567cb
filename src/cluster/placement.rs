//! Which pod is to have which partition: a pure function of what the bucket says.
//!
//! Every pod works it out by itself from the same notes, and acts on its own part alone; where two
//! of them differ for a moment, the bucket lets one of them have the lease.
//!
//! Each partition ranks the pods by rendezvous hashing, and takes the first one that has room: a
//! pod's share is its part of the partitions, rounded up. So a partition moves only where its pod
//! is gone, or has more than its share. What nobody has is placed at once; what a pod has too much
//! of moves only after the members have been the same for a while, so that a rolling update does
//! not move everything at each of its steps: the pod that has just come is the emptiest, and takes
//! over from the one that goes. What is pinned, since a promotion needs what its pod has in memory,
//! is not moved for balance at all.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    lease::Phase,
    member::{Member, Standing},
    view::{Orphan, View},
};
use crate::ports::Partition;

/// How long is waited for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays {
    /// For how long the members must have been the same before a partition moves for balance.
    pub settle: Duration,
    /// How long nobody takes over what has lapsed: its owner may have been cut off with everybody.
    pub lapsed: Duration,
    /// How much later the next in rank takes what the one before has not taken.
    pub turn: Duration,
}

/// A partition that moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which.
    pub partition: Partition,
    /// Whose it is.
    pub from: String,
    /// Whose it is to be.
    pub to: String,
}

/// The partitions that nobody has and `session`, which has been a member since `joined`, is to take
/// now.
pub fn takes(
    view: &View,
    session: &str,
    joined: Instant,
    delays: Delays,
    now: Instant,
) -> Vec<Partition> {
    let mut loads = Loads::of(view, now);
    let mut takes = Vec::new();
    for (partition, orphan) in view.orphans() {
        let wanted = view.lease(partition).and_then(|lease| lease.value.to.as_deref());
        let ranked = loads.ranked(view, partition, wanted);
        if let Some(first) = ranked.first() {
            loads.add(first);
        }
        let rank = ranked.iter().position(|ranked| ranked == session);
        if rank.is_some_and(|rank| now >= due(orphan, joined, rank, delays)) {
            takes.push(partition);
        }
    }
    takes
}

/// Who was away with everybody else comes back together with those whose partitions have lapsed,
/// and waits for them as if that were new.
fn due(orphan: Orphan, joined: Instant, rank: usize, delays: Delays) -> Instant {
    let from = match orphan.freed {
        true => orphan.since,
        false => orphan.since.max(joined) + delays.lapsed,
    };
    from + delays.turn * u32::try_from(rank).unwrap_or(u32::MAX)
}

/// Where a pod that leaves is to hand its partitions over to: its own, each with the session of the
/// next owner, if there is one.
pub fn hands_over(view: &View, session: &str, now: Instant) -> Vec<(Partition, Option<String>)> {
    let mut loads = Loads::of(view, now);
    let own = view.held().filter(|(_, lease)| lease.session == session);
    own.map(|(partition, _)| {
        let ranked = loads.ranked(view, partition, None);
        let next = ranked.into_iter().find(|next| next != session);
        if let Some(next) = &next {
            loads.add(next);
        }
        (partition, next)
    })
    .collect()
}

/// What a pod has and cannot read, with who is to have it instead; nothing where nobody can.
pub fn unreadable(
    view: &View,
    session: &str,
    reads: u8,
    now: Instant,
) -> Vec<(Partition, Option<String>)> {
    let mut loads = Loads::of(view, now);
    let own = view.held().filter(|(_, lease)| lease.session == session && lease.format > reads);
    let next = own.filter_map(|(partition, _)| {
        let next = loads.ranked(view, partition, None).into_iter().next()?;
        loads.add(&next);
        Some((partition, Some(next)))
    });
    next.collect()
}

/// What moves for balance's sake, once the members have been the same for a while. What is `pinned`
/// does not, and counts for its pod all the same.
pub fn moves(view: &View, pinned: &BTreeSet<Partition>, delays: Delays, now: Instant) -> Vec<Move> {
    let quiet = now.duration_since(view.quiet_since()) >= delays.settle;
    // What moves has to be brought back.
    let reached = takers(view, now).any(|member| member.reaches_snapshots);
    if !quiet || !reached || view.orphans().next().is_some() {
        return Vec::new();
    }
    let mut loads = Loads::of(view, now);
    let mut moves = Vec::new();
    while let Some(step) = loads.next_move(view, pinned, &moves) {
        loads.remove(&step.from);
        loads.add(&step.to);
        moves.push(step);
    }
    moves
}

/// Whether another pod that takes partitions and reads this format reaches the store of snapshots.
pub fn others_reach_snapshots(view: &View, session: &str, needed: u8, now: Instant) -> bool {
    let mut others = takers(view, now).filter(|member| member.session != session);
    others.any(|member| member.reaches_snapshots && member.reads >= needed)
}

/// The pods that take partitions.
fn takers(view: &View, now: Instant) -> impl Iterator<Item = &Member> {
    view.heard_lately(now).filter(|member| member.standing == Standing::Serving)
}

/// How many partitions each pod has that may take some: one that does not reach the store of
/// snapshots can bring back none, and takes some only where nobody could.
struct Loads(BTreeMap<String, usize>);

impl Loads {
    fn of(view: &View, now: Instant) -> Loads {
        let reached = takers(view, now).any(|member| member.reaches_snapshots);
        let able = takers(view, now).filter(|member| member.reaches_snapshots || !reached);
        let mut loads: BTreeMap<String, usize> =
            able.map(|member| (member.session.clone(), 0)).collect();
        for (_, lease) in view.held() {
            if let Some(load) = loads.get_mut(&lease.session) {
                *load += 1;
            }
        }
        Loads(loads)
    }

    fn add(&mut self, session: &str) {
        if let Some(load) = self.0.get_mut(session) {
            *load += 1;
        }
    }

    fn remove(&mut self, session: &str) {
        if let Some(load) = self.0.get_mut(session) {
            *load = load.saturating_sub(1);
        }
    }

    /// The pods that may have a partition, the one that is to have it first: the wanted one, then
    /// the emptiest, then by rendezvous.
    fn ranked(&self, view: &View, partition: Partition, wanted: Option<&str>) -> Vec<String> {
        let needed = view.format(partition);
        let able = view.members().filter(|member| member.reads >= needed);
        let mut ranked: Vec<(&Member, usize)> =
            able.filter_map(|member| Some((member, *self.0.get(&member.session)?))).collect();
        ranked.sort_by_cached_key(|(member, load)| {
            let unwanted = wanted != Some(member.session.as_str());
            (unwanted, *load, Reverse(score(&member.pod, partition)))
        });
        ranked.into_iter().map(|(member, _)| member.session.clone()).collect()
    }

    /// One more move from a fuller pod to an emptier one, the fullest and the emptiest first, if it
    /// makes them more even.
    fn next_move(&self, view: &View, pinned: &BTreeSet<Partition>, moves: &[Move]) -> Option<Move> {
        let mut sorted: Vec<(&String, usize)> = self.0.iter().map(|(pod, n)| (pod, *n)).collect();
        sorted.sort_by_key(|(_, load)| *load);
        for (to, least) in &sorted {
            let Some(taker) = view.members().find(|member| member.session == **to) else {
                continue;
            };
            let fuller = sorted.iter().rev().take_while(|(_, most)| *most >= *least + 2);
            let movable = |(from, _): &(&String, usize)| movable(view, pinned, from, taker, moves);
            let mut found = fuller.filter_map(movable);
            if let Some(step) = found.next() {
                return Some(step);
            }
        }
        None
    }
}

/// What a pod is to give to another, if there is something that it can serve.
fn movable(
    view: &View,
    pinned: &BTreeSet<Partition>,
    from: &str,
    to: &Member,
    moves: &[Move],
) -> Option<Move> {
    let stays = |partition: &Partition| {
        pinned.contains(partition) || moves.iter().any(|step| step.partition == *partition)
    };
    let own = view.held().filter(|(partition, lease)| {
        // What cannot be served here cannot be served there, and may be kept for an operator.
        let moves = lease.phase != Phase::Waiting && !stays(partition);
        lease.session == from && moves && to.reads >= view.format(*partition)
    });
    // What has moved lately stays.
    let best =
        own.min_by_key(|(partition, lease)| (lease.epoch, Reverse(score(&to.pod, *partition))))?;
    Some(Move { partition: best.0, from: from.to_owned(), to: to.session.clone() })
}

/// How much a partition is drawn to a pod.
fn score(pod: &str, partition: Partition) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&partition.to_be_bytes());
    hasher.update(pod.as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_be_bytes(first)
}
