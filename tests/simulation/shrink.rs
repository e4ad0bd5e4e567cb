//! The smallest case that still fails: shorter, with fewer SKUs, and without what it can do without.

use super::case::{Case, Part};

/// Of how much of a run it is tried whether that is enough.
const SHORTER: [(u64, u64); 3] = [(1, 2), (3, 4), (7, 8)];
const FEWER_SKUS: [usize; 4] = [7, 4, 2, 1];

/// Leaves out one thing after another, and keeps what still fails.
pub fn smallest(case: Case, fails: impl Fn(&Case) -> bool) -> Case {
    let mut case = shorter(case, &fails);
    for part in Part::ALL {
        let mut less = case.clone();
        if less.without.insert(part) && fails(&less) {
            case = less;
        }
    }
    for skus in FEWER_SKUS {
        let fewer = Case { skus, ..case.clone() };
        if skus < case.skus && fails(&fewer) {
            case = fewer;
        }
    }
    shorter(case, &fails)
}

fn shorter(mut case: Case, fails: &impl Fn(&Case) -> bool) -> Case {
    let less = |case: &Case| {
        let shorter = SHORTER.map(|(part, of)| case.seconds * part / of);
        let cases = shorter.map(|seconds| Case { seconds, ..case.clone() });
        cases
            .into_iter()
            .find(|less| less.seconds > 0 && less.seconds < case.seconds && fails(less))
    };
    while let Some(shorter) = less(&case) {
        case = shorter;
    }
    case
}

#[test]
fn what_a_failure_does_not_need_is_left_out() {
    let needs = [Part::Crash, Part::Payments];
    let fails = |case: &Case| {
        needs.iter().all(|part| case.has(*part)) && case.seconds >= 9 && case.skus >= 3
    };
    let small = smallest(Case::of(1), fails);
    assert_eq!((small.seconds, small.skus), (9, 4));
    assert_eq!(small.without.len(), Part::ALL.len() - needs.len());
    assert!(fails(&small));
    let again: Case = toml::from_str(&small.to_string()).expect("a case");
    assert_eq!(again, small, "it is read as it was written");
}
