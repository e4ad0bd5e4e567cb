//! Whether what clients were told could come from one book that does one thing after another, each
//! of them between its call and its answer (Wing and Gong's search, with Lowe's memory of where it
//! has been).
//!
//! Promise: an operation that was never answered may have been done at any time after its call, or
//! never. Nothing is asked but the clients: neither the journal nor who owned what when.

use std::{cmp::Reverse, collections::HashSet, hash::Hash};

/// What clients use, as it would be if nobody else did meanwhile.
pub trait Book: Clone + Eq + Hash {
    type Call;
    type Answer;

    /// The book after the call, if this could be the answer; any could, if none is known.
    fn after(&self, call: &Self::Call, answer: Option<&Self::Answer>) -> Option<Self>;
}

/// A client's call and what it heard. Times are of one clock, and no two are the same.
#[derive(Clone, Debug)]
pub struct Operation<Call, Answer> {
    pub call: Call,
    pub called: u64,
    pub answered: Option<(u64, Answer)>,
}

impl<Call, Answer> Operation<Call, Answer> {
    fn ended(&self) -> u64 {
        self.answered.as_ref().map_or(u64::MAX, |(at, _)| *at)
    }
}

/// Finds an order, or says how many could be ordered at most, and which could not come next.
pub fn check<B: Book>(
    begin: B,
    history: &[Operation<B::Call, B::Answer>],
) -> Result<(), (usize, Vec<usize>)> {
    let mut seen = HashSet::new();
    let mut open = vec![(vec![false; history.len()], begin)];
    let mut furthest = (0, Vec::new());
    while let Some((done, book)) = open.pop() {
        let next = candidates(history, &done);
        if next.iter().all(|place| history[*place].answered.is_none()) {
            return Ok(());
        }
        let so_far = done.iter().filter(|done| **done).count();
        if so_far >= furthest.0 {
            furthest = (so_far, next.clone());
        }
        for place in next {
            let Operation { call, answered, .. } = &history[place];
            let answer = answered.as_ref().map(|(_, answer)| answer);
            let Some(after) = book.after(call, answer) else { continue };
            let mut with = done.clone();
            with[place] = true;
            if seen.insert((with.clone(), after.clone())) {
                open.push((with, after));
            }
        }
    }
    Err(furthest)
}

/// Those that may come next: called before any of the others was answered. What was answered first
/// is last, and tried first.
fn candidates<C, A>(history: &[Operation<C, A>], done: &[bool]) -> Vec<usize> {
    let left = || (0..history.len()).filter(|place| !done[*place]);
    let first_end = left().map(|place| history[place].ended()).min().unwrap_or(u64::MAX);
    let mut found: Vec<usize> = left().filter(|place| history[*place].called < first_end).collect();
    found.sort_by_key(|place| Reverse(history[*place].ended()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number that is set and read.
    impl Book for u32 {
        type Call = Option<u32>;
        type Answer = u32;

        fn after(&self, call: &Option<u32>, answer: Option<&u32>) -> Option<u32> {
            match call {
                Some(set) => Some(*set),
                None => answer.is_none_or(|read| read == self).then_some(*self),
            }
        }
    }

    fn set(to: u32, called: u64, answered: Option<u64>) -> Operation<Option<u32>, u32> {
        Operation { call: Some(to), called, answered: answered.map(|at| (at, to)) }
    }

    fn read(found: u32, called: u64, answered: u64) -> Operation<Option<u32>, u32> {
        Operation { call: None, called, answered: Some((answered, found)) }
    }

    #[test]
    fn one_after_another_is_told_from_what_cannot_be() {
        assert_eq!(check(0, &[set(1, 0, Some(1)), read(1, 2, 3)]), Ok(()));
        let stale = check(0, &[set(1, 0, Some(1)), read(0, 2, 3)]);
        assert_eq!(stale, Err((1, vec![1])), "it was set before it was asked for");
    }

    #[test]
    fn what_overlaps_may_come_in_either_order_but_in_the_same_for_all() {
        let sets = [set(1, 0, Some(10)), set(2, 1, Some(11))];
        let with = |reads: [_; 2]| check(0, &[&sets[..], &reads].concat());
        assert_eq!(with([read(1, 12, 13), read(1, 14, 15)]), Ok(()));
        assert_eq!(with([read(2, 12, 13), read(2, 14, 15)]), Ok(()));
        assert!(with([read(1, 12, 13), read(2, 14, 15)]).is_err(), "nobody set it again");
        assert_eq!(with([read(1, 5, 6), read(2, 7, 8)]), Ok(()), "it was being set meanwhile");
    }

    #[test]
    fn what_was_never_answered_may_come_late_or_not_at_all_but_not_early() {
        let lost = set(1, 4, None);
        assert_eq!(check(0, &[lost.clone(), read(0, 5, 6)]), Ok(()));
        assert_eq!(check(0, &[lost.clone(), read(0, 5, 6), read(1, 7, 8)]), Ok(()));
        assert!(check(0, &[lost.clone(), read(1, 5, 6), read(0, 7, 8)]).is_err());
        assert!(check(0, &[lost, read(1, 1, 2)]).is_err());
    }
}
