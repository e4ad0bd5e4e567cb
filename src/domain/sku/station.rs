//! Where a hold stands for what publishers may say to it, and the guard over that.
//!
//! Promise: one owner at a time; what ended stays ended; an event after the deadline finds the hold
//! expired, whether or not the timer came first; goods that left are believed all the same. The
//! first order that claims a cart's hold has it. Holds that orders ask for are not a publisher's to
//! touch: see [`crate::domain::order::saga`].

use super::{book::Known, hold::Ending};
use crate::{
    domain::{
        described::described,
        guard::{Guard, Then, guard},
        refusal::Reason,
        time::Timestamp,
    },
    mutants::{self, Mutant},
};

described! {
    /// Where a hold stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum HoldStation {
        /// Nobody has asked for it.
        Unknown = "unknown",
        /// Its units are promised until its deadline.
        Held = "held",
        /// Its deadline is over, and nothing has come of that yet.
        Overdue = "overdue",
        /// Its units are promised for good.
        Committed = "committed",
        /// Its deadline passed.
        Expired = "expired",
        /// It was released, or its last unit left.
        Ended = "ended",
        /// An order took it over, under a name of its own.
        Claimed = "claimed",
    }
}

described! {
    /// What publishers can say to a hold.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum HoldStep {
        /// Units are to be promised.
        Requested = "hold.requested",
        /// It is to last longer.
        Extended = "hold.extended",
        /// It is to have another owner.
        Transferred = "hold.transferred",
        /// It is to be an allocation.
        Committed = "hold.committed",
        /// Its units are not wanted any more.
        Released = "hold.released",
        /// Units of it left.
        Shipped = "stock.shipped",
        /// A line of an order names it.
        ClaimedByOrder = "order.placed",
        /// Settlement and commands have been read past its deadline.
        DeadlinePassed = "deadline",
    }
}

described! {
    /// What a row of [`HOLD`] depends on beside the station.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum HoldCondition {
        /// It is asked for with another owner, kind, quantity or location.
        Differs = "differs",
        /// The event names another owner than it has.
        NotOwner = "not_owner",
        /// The order that took it over asks again.
        SameOrder = "same_order",
    }
}

/// The guard of holds.
pub const HOLD: Guard<HoldStation, HoldStep, HoldCondition> = {
    use HoldCondition::{Differs, NotOwner, SameOrder};
    use HoldStation::{Claimed, Committed, Ended, Expired, Held, Overdue, Unknown};
    use HoldStep as Step;
    use Then::{Go, Note, Refuse, Stay, Wait};
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
        [Held, Committed] + [Step::ClaimedByOrder]
            => Go(Claimed), "the order holds its units, and what it wants beyond them";
        [Overdue] + [Step::ClaimedByOrder]
            => Go(Expired), "the order's units are asked for anew";
        [Claimed] + [Step::ClaimedByOrder] if SameOrder => Note, "its units are asked for anew";
        [Claimed] + [Step::ClaimedByOrder]
            => Refuse(Reason::NotOwner), "the first order that names it has it";
        [Unknown, Expired, Ended] + [Step::ClaimedByOrder]
            => Note, "the order's units are asked for anew";
        [Overdue] + [Step::DeadlinePassed] => Go(Expired), "its units are free";
        [Unknown, Held, Committed, Expired, Ended, Claimed] + [Step::DeadlinePassed]
            => Note, "there is nothing to expire";
    }
};

impl HoldStation {
    /// Where what is known of a hold stands for what was logged then.
    pub(super) fn of(known: &Known<'_>, logged_at: Timestamp) -> HoldStation {
        match known {
            Known::Unknown => HoldStation::Unknown,
            Known::Open(hold)
                if hold.is_over_at(logged_at) && !mutants::is_in(Mutant::DeadlineByTimer) =>
            {
                HoldStation::Overdue
            }
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
