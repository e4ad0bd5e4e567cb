//! Where a hold stands for what publishers may say to it, and the guard over that.
//!
//! Promise: one owner at a time; what ended stays ended; an event after the deadline finds the hold
//! expired, whether or not the timer came first; goods that left are believed all the same. Holds
//! that orders ask for are not a publisher's to touch: see [`crate::domain::order::saga`].

use super::{book::Known, hold::Ending};
use crate::domain::{
    guard::{Guard, Then, guard},
    refusal::Reason,
    time::Timestamp,
};

/// Where a hold stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldStation {
    /// Nobody has asked for it.
    Unknown,
    /// Its units are promised until its deadline.
    Held,
    /// Its deadline is over, and nothing has come of that yet.
    Overdue,
    /// Its units are promised for good.
    Committed,
    /// Its deadline passed.
    Expired,
    /// It was released, or its last unit left.
    Ended,
    /// An order took it over, under a name of its own.
    Claimed,
}

/// What publishers can say to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldStep {
    /// `hold.requested`.
    Requested,
    /// `hold.extended`.
    Extended,
    /// `hold.transferred`.
    Transferred,
    /// `hold.committed`.
    Committed,
    /// `hold.released`.
    Released,
    /// `stock.shipped`.
    Shipped,
}

/// What a row of [`HOLD`] depends on beside the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldCondition {
    /// It is asked for with another owner, kind, quantity or location.
    Differs,
    /// The event names another owner than it has.
    NotOwner,
}

/// The guard of holds.
pub const HOLD: Guard<HoldStation, HoldStep, HoldCondition> = {
    use HoldCondition::{Differs, NotOwner};
    use HoldStation::{Claimed, Committed, Ended, Expired, Held, Overdue, Unknown};
    use HoldStep as Step;
    use Then::{Go, Refuse, Stay, Wait};
    guard! {
        [Unknown] + [Step::Requested]
            => Go(Held), "its units are promised, if they are there and the SKU is for sale";
        [Unknown] + [
            Step::Extended, Step::Transferred, Step::Committed, Step::Released, Step::Shipped
        ] => Wait, "it is decided once the hold is asked for, or given up as `orphan`";
        [Held, Overdue, Committed] + [Step::Requested] if Differs
            => Refuse(Reason::HoldExists), "the hold that there is stays as it is";
        [Held] + [Step::Requested] => Stay, "it stands as it was granted";
        [Committed] + [Step::Requested]
            => Refuse(Reason::HoldCommitted), "it stays an allocation";
        [Held, Overdue, Committed] + [
            Step::Extended, Step::Transferred, Step::Committed, Step::Released, Step::Shipped
        ] if NotOwner => Refuse(Reason::NotOwner), "the hold stays with its owner";
        [Overdue] + [
            Step::Requested, Step::Extended, Step::Transferred, Step::Committed, Step::Released
        ] => Refuse(Reason::HoldExpired), "its units are free";
        [Held] + [Step::Extended] => Stay, "it lasts longer, up to the longest that is allowed";
        [Committed] + [Step::Extended]
            => Refuse(Reason::HoldCommitted), "an allocation has no deadline";
        [Held, Committed] + [Step::Transferred] => Stay, "it is the other owner's";
        [Held] + [Step::Committed] => Go(Committed), "its units are allocated";
        [Committed] + [Step::Committed] => Stay, "it is an allocation already";
        [Held, Committed] + [Step::Released] => Go(Ended), "its units are free";
        [Held, Overdue, Committed] + [Step::Shipped]
            => Stay, "the units are gone; with the last of them it ends";
        [Expired] + [
            Step::Requested, Step::Extended, Step::Transferred, Step::Committed, Step::Released
        ] => Refuse(Reason::HoldExpired), "the units are asked for under another name";
        [Ended, Claimed] + [
            Step::Requested, Step::Extended, Step::Transferred, Step::Committed, Step::Released
        ] => Refuse(Reason::HoldEnded), "the units are asked for under another name";
        [Expired, Ended] + [Step::Shipped] => Stay, "the units are gone from where they were held";
        [Claimed] + [Step::Shipped]
            => Refuse(Reason::NotOwner), "an order's goods move by its fulfilments";
    }
};

impl HoldStation {
    /// Where what is known of a hold stands for what was logged then.
    pub(super) fn of(known: &Known<'_>, logged_at: Timestamp) -> HoldStation {
        match known {
            Known::Unknown => HoldStation::Unknown,
            Known::Open(hold) if hold.is_over_at(logged_at) => HoldStation::Overdue,
            Known::Open(hold) if hold.is_committed() => HoldStation::Committed,
            Known::Open(_) => HoldStation::Held,
            Known::Ended(stone) => match stone.ending {
                Ending::Expired => HoldStation::Expired,
                Ending::Transferred { .. } => HoldStation::Claimed,
                Ending::Released | Ending::Shipped | Ending::Refused { .. } | Ending::Burnt => {
                    HoldStation::Ended
                }
            },
        }
    }
}
