//! What a process is believed to have died of, as the journal tells it.

use earmark::{
    domain::event::Lane,
    partition::{
        entry::{Entry, InHand, ReadAt},
        state::PartitionState,
    },
    ports::Source,
};

fn in_hand(lane: Lane, sequence: u64) -> Entry {
    let source = Source::Lane(lane);
    let read = ReadAt { source, sequence, at: Default::default(), subject: "a".to_owned() };
    Entry::InHand(InHand { read, waited_for: None })
}

/// The sequence of what is believed to kill, after these entries.
fn killer(entries: &[Entry]) -> Option<u64> {
    let mut state = PartitionState::default();
    entries.iter().for_each(|entry| state.note(entry));
    state.killer().map(|killer| killer.read.sequence)
}

#[test]
fn what_was_in_hand_at_two_deaths_is_the_killer() {
    use Entry::TakenOver;
    let a = || in_hand(Lane::Demand, 7);
    assert_eq!(killer(&[a()]), None, "whoever is killed from outside has something in hand");
    assert_eq!(killer(&[a(), TakenOver, a()]), Some(7));
    // Something else was done meanwhile, and the pod was killed from outside in between.
    assert_eq!(killer(&[a(), TakenOver, Entry::Resumed, TakenOver, a()]), Some(7));
}

#[test]
fn what_was_decided_is_innocent() {
    use Entry::TakenOver;
    let (a, b) = (|| in_hand(Lane::Demand, 7), || in_hand(Lane::Demand, 8));
    assert_eq!(killer(&[a(), TakenOver, a(), b()]), None, "it was decided, and the next announced");
    assert_eq!(killer(&[a(), TakenOver, a(), b(), TakenOver, b()]), Some(8));
    assert_eq!(killer(&[a(), TakenOver, a(), Entry::Genesis]), None, "nothing is in hand");
}

#[test]
fn two_killers_do_not_hide_each_other() {
    use Entry::TakenOver;
    let (a, b) = (|| in_hand(Lane::Demand, 7), || in_hand(Lane::Fulfilment, 9));
    assert_eq!(killer(&[a(), TakenOver, b(), TakenOver, a()]), Some(7));
    assert_eq!(killer(&[a(), TakenOver, b(), TakenOver, b()]), Some(9));
}

/// How many take-overs in a row found the demand of a partition where it stands after these
/// entries, each with how far demand is read by then.
fn stood(entries: &[(u64, Entry)]) -> u32 {
    let mut state = PartitionState::default();
    let demand = Source::Lane(Lane::Demand);
    for (sequence, entry) in entries {
        state.cursors[demand.index()].sequence = *sequence;
        state.note(entry);
    }
    state.stood(demand)
}

#[test]
fn only_what_stands_where_it_stood_is_suspected() {
    use Entry::{Resumed, TakenOver};
    assert_eq!(stood(&[(7, TakenOver)]), 1);
    assert_eq!(stood(&[(7, TakenOver), (7, TakenOver)]), 2);
    assert_eq!(stood(&[(7, TakenOver), (7, TakenOver), (900, Resumed)]), 0, "it was read on");
    assert_eq!(stood(&[(7, TakenOver), (900, TakenOver)]), 1);
    // While it is read one by one, it moves on, and what it dies of is near.
    let near = [(7, TakenOver), (7, TakenOver), (8, in_hand(Lane::Demand, 9))];
    assert!(stood(&near) > 1_000);
    let near = [&near[..], &[(8, TakenOver)]].concat();
    assert!(stood(&near) > 1_000);
}
