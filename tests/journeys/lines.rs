//! A line of an order and a payment of it, as somebody would keep them who reads what is said.

use earmark::domain::ids::{LocationId, Name, Sku};

/// What a hold is asked by: lines that ask one SKU for the same are one question.
pub type Question = (Sku, Option<LocationId>, Option<Name>);

/// Where units of a line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// Their SKU has not answered.
    Waiting,
    /// Promised.
    Promised,
    /// Called off.
    Cancelled,
    /// Not paid in time.
    Expired,
    /// Not to be had.
    Refused,
    /// Under way to the buyer.
    Shipped,
    /// With the buyer, or back from there.
    Delivered,
}

/// Places of units that may still leave.
pub const OPEN: [At; 2] = [At::Waiting, At::Promised];
/// Places of units that left.
pub const GONE: [At; 2] = [At::Shipped, At::Delivered];
/// The firmest first: what leaves is taken from here.
pub const LEAVING: [At; 5] = [At::Promised, At::Waiting, At::Cancelled, At::Expired, At::Refused];

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    pub sku: Sku,
    pub question: Question,
    /// Units, by place.
    pub units: [u32; 7],
    /// Units that came back.
    pub back: u32,
    /// Units that were looked for and were not there.
    pub missing: u32,
}

/// Money of one payment.
#[derive(Clone, Debug, Default)]
pub struct Money {
    /// The one that it began with.
    pub currency: String,
    pub authorized: u64,
    pub captured: u64,
    pub voided: u64,
    pub refunded: u64,
    pub due: u64,
}

impl Line {
    pub fn new(sku: &Sku, question: Question) -> Line {
        Line { sku: sku.clone(), question, units: [0; 7], back: 0, missing: 0 }
    }

    pub fn sum(&self, at: &[At]) -> u32 {
        at.iter().map(|at| self.units[*at as usize]).sum()
    }

    /// Moves units from these places in turn; says how many from where.
    pub fn shift(&mut self, from: &[At], to: At, units: u32) -> Vec<(At, u32)> {
        let mut left = units;
        let mut taken = Vec::new();
        for &at in from {
            let now = self.units[at as usize].min(left);
            left -= now;
            self.units[at as usize] -= now;
            self.units[to as usize] += now;
            if now > 0 {
                taken.push((at, now));
            }
        }
        taken
    }
}

impl Money {
    pub fn owed(&self) -> u64 {
        self.captured.saturating_sub(self.refunded + self.due)
    }

    pub fn pays(&self) -> bool {
        self.captured > self.refunded || self.authorized > self.voided + self.refunded
    }
}

/// As many units moved as should have.
pub fn enough(name: &Name, moved: &[(At, u32)], units: u32) -> Result<(), String> {
    let sum: u32 = moved.iter().map(|(_, units)| units).sum();
    if sum == units { Ok(()) } else { Err(format!("line {name}: {sum} units of {units}")) }
}
