//! Which partitions may be served, from what, and why others may not.

use earmark::{
    partition::verdict::{Base, Begins, Fits, base, lost_tail},
    ports::Position,
};

fn at(incarnation: u64, sequence: u64) -> Position {
    Position { incarnation, sequence }
}

const NOTHING: Fits = Fits { snapshot: false, archive: false };

#[test]
fn what_is_known_behind_the_end_is_lost() {
    let end = at(2, 100);
    for known in [at(2, 101), at(3, 1), at(3, 100), at(3, 900)] {
        let why = lost_tail([at(2, 7), known], end).expect("it is a loss");
        assert!(why.contains(&format!("record {}", known.sequence)), "{why}");
        assert!(why.contains("lost acknowledged writes"), "{why}");
        assert_eq!(why.contains("of incarnation 3"), known.incarnation == 3, "{why}");
    }
    for known in [at(2, 100), at(2, 1), at(1, 100_000)] {
        assert_eq!(lost_tail([known], end), None, "{known:?}");
    }
    assert_eq!(lost_tail([], end), None);
}

#[test]
fn a_journal_that_begins_where_nothing_is_known_is_folded_from_there() {
    let genesis = Begins::Genesis(at(1, 5));
    assert_eq!(base([], (genesis, at(1, 5)), NOTHING), Ok(Base::Beginning));
    assert_eq!(base([at(1, 8)], (genesis, at(1, 9)), NOTHING), Ok(Base::Beginning));
    // Another journal's.
    for known in [at(1, 4), at(1, 10), at(2, 3), at(2, 9)] {
        assert!(base([known], (genesis, at(1, 9)), NOTHING).is_err(), "{known:?}");
    }
    // An operator has looked at it since.
    assert_eq!(base([at(1, 4)], (genesis, at(2, 9)), NOTHING), Ok(Base::Beginning));
    assert_eq!(base([at(1, 900)], (genesis, at(2, 9)), NOTHING), Ok(Base::Beginning));
    let reseeded = Begins::Reseeded(at(2, 5));
    assert_eq!(base([at(1, 900)], (reseeded, at(2, 9)), NOTHING), Ok(Base::Beginning));
}

#[test]
fn a_journal_without_its_beginning_needs_what_fits_it() {
    let (later, end) = (Begins::Later(at(1, 50)), at(1, 90));
    let snapshot = Fits { snapshot: true, archive: true };
    let archive = Fits { snapshot: false, archive: true };
    assert_eq!(base([at(1, 60)], (later, end), snapshot), Ok(Base::Snapshot));
    assert_eq!(base([at(1, 60)], (later, end), archive), Ok(Base::Archive));
    let why = base([], (later, end), NOTHING).expect_err("there is nothing to begin from");
    assert!(why.contains("begins at record 50, which is not its first"), "{why}");
    let why = base([at(1, 91)], (later, end), snapshot).expect_err("it lost its tail");
    assert!(why.contains("but the journal ends at 90"), "{why}");
}
