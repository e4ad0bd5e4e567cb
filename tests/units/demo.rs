//! The hours of the demo's day.

use earmark::{
    contract::time,
    demo::day::{Kind, Phase},
};

#[test]
fn phases_follow_one_another() {
    assert_eq!(time::format(Phase(0).at()), "2026-11-27T09:00:00Z");
    assert_eq!((Phase(4).kind(), Phase(4).round()), (Kind::Demand, 1));
    assert_eq!(Phase(4).clock_face(), "09:31");
    assert_eq!(Phase(4).then(Kind::Settlement, 0), Phase(5));
    assert_eq!(Phase(5).then(Kind::Demand, 0), Phase(7));
    assert_eq!(Phase(5).then(Kind::Settlement, 1), Phase(8));
    assert!(Phase::all().zip(Phase::all().skip(1)).all(|(a, b)| a.at() < b.at()));
}
