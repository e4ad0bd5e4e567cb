//! Whether a run reached what its plan asks for.

use super::{
    growth,
    plan::Objectives,
    report::{Kind, Objective, Report},
};

/// Each objective of a plan, with what was found. What nobody asked for reaches any; what was asked
/// for and never decided reaches none.
pub fn check(wanted: &Objectives, of: &Report) -> Vec<Objective> {
    let mut all = Vec::new();
    for (kind, most) in [
        (Kind::Hold, wanted.hold_p99_ms),
        (Kind::Order, wanted.order_p99_ms),
        (Kind::Reserved, wanted.reserved_p99_ms),
        (Kind::Settlement, wanted.settlement_p99_ms),
    ] {
        if let Some(most) = most {
            let waits = of.waits.get(&kind);
            let found = waits.map_or(0.0, |waits| waits.p99_ms);
            let never = waits.is_some_and(|waits| waits.asked > 0 && waits.answered == 0);
            let name = format!("{}_p99_ms", kind.as_str());
            all.push(Objective { name, wanted: most, found, holds: found <= most && !never });
        }
    }
    if let Some(least) = wanted.decided_min {
        let (asked, answered) = of.total();
        let found = if asked == 0 { 1.0 } else { answered as f64 / asked as f64 };
        let holds = found >= least;
        all.push(Objective { name: "decided_min".to_owned(), wanted: least, found, holds });
    }
    if let Some(most) = wanted.level_max {
        let found = of.levels().into_iter().max().unwrap_or(0);
        let (wanted, holds) = (f64::from(most), found <= most);
        let name = "level_max".to_owned();
        all.push(Objective { name, wanted, found: f64::from(found), holds });
    }
    if let Some(most) = wanted.settled_after_s_max {
        let found = of.settled_after_s;
        let name = "settled_after_s_max".to_owned();
        all.push(Objective { name, wanted: most, found, holds: found <= most });
    }
    all.extend(growth::check(wanted, of));
    all
}
