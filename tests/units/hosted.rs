//! The server's time and the time of a clock that is set, both ways.

use earmark::{domain::time::Timestamp, hosted::Shift};

#[test]
fn a_stretch_is_a_point_and_comes_back_into_its_stretch() {
    let shift = Shift::default();
    let at = Timestamp;
    shift.set(at(100), at(7_000));
    shift.set(at(200), at(8_000));
    // Time that does not pass begins no stretch.
    shift.set(at(250), at(8_000));
    let clock = [50, 100, 199, 200, 299].map(|server| shift.clock(at(server)).0);
    assert_eq!(clock, [7_000, 7_000, 7_000, 8_000, 8_000]);
    assert_eq!(shift.server(at(7_000)), at(199));
    assert_eq!(shift.server(at(8_000)), at(299));
    let none = Timestamp::default();
    assert_eq!((shift.clock(none), shift.server(none)), (none, none));
}
