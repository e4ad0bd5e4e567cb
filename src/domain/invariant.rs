//! What must hold always (E8), written once: at each location, what was promised or may be promised
//! is what is there, and what is known to be missing.

use super::{entity::Breach, outcome::Quantities};

/// Every unit is accounted for:
/// `on_hand + backordered + short = available + held + allocated + unavailable`, and nothing is
/// overdrawn while there is something left to take.
pub fn conservation(quantities: &Quantities) -> Result<(), Breach> {
    let Quantities { on_hand, available, held, allocated, unavailable, .. } = *quantities;
    let Quantities { short, backordered, overdrawn, .. } = *quantities;
    let there_or_missing = sum([on_hand, backordered, short])?;
    let accounted_for = sum([available, held, allocated, unavailable])?;
    if there_or_missing != accounted_for {
        return Err(Breach(format!(
            "{there_or_missing} units there or missing, {accounted_for} accounted for: {quantities:?}"
        )));
    }
    if overdrawn > 0 && on_hand > 0 {
        return Err(Breach(format!("overdrawn with units on hand: {quantities:?}")));
    }
    Ok(())
}

/// Two numbers that must be one.
pub fn agree(what: &str, counted: u64, recomputed: u64) -> Result<(), Breach> {
    if counted == recomputed {
        return Ok(());
    }
    Err(Breach(format!("{what}: the counter says {counted}, what is behind it says {recomputed}")))
}

fn sum<const N: usize>(units: [u64; N]) -> Result<u64, Breach> {
    units
        .into_iter()
        .try_fold(0u64, u64::checked_add)
        .ok_or_else(|| Breach("more units than can be counted".into()))
}
