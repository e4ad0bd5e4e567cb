//! How units of a line go from one place to another: every way that there is.
//!
//! Promise: a decision moves units by naming a [`Passage`], so this page is the line's state
//! machine. Two things stand beside it: units that did not leave after all go back to where they
//! had come from, and units of a wish that is granted ([`super::wishes`]) begin as reserved, those
//! that are held elsewhere now leaving the portion of the line that they were in.

use serde::Serialize;

use super::lines::Place;

/// A way that units go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Passage {
    /// When they do.
    pub on: &'static str,
    /// From these places, in this order where not all of them go.
    pub from: &'static [Place],
    /// Where to.
    pub to: Place,
}

/// Their SKU promised them.
pub const RESERVE: Passage =
    Passage { on: "the SKU grants the hold", from: &[Place::Awaiting], to: Place::Reserved };
/// Their SKU refused them, or did not answer in time.
pub const REFUSE: Passage = Passage {
    on: "the SKU refuses the hold, or has not answered in time",
    from: &[Place::Awaiting],
    to: Place::Refused,
};
/// Another line was refused under `all_or_nothing`.
pub const FAIL: Passage = Passage {
    on: "another line is refused under `all_or_nothing`, before the order is confirmed",
    from: &[Place::Reserved, Place::Allocated],
    to: Place::Refused,
};
/// Their hold is an allocation.
pub const ALLOCATE: Passage = Passage {
    on: "money pays for the order, and the SKU commits the hold",
    from: &[Place::Reserved],
    to: Place::Allocated,
};
/// They left. Physical facts are believed, so what was given up can leave too, last.
pub const SHIP: Passage = Passage {
    on: "`fulfilment.shipped`, or a later step that implies it",
    from: &[
        Place::Allocated,
        Place::Reserved,
        Place::Awaiting,
        Place::Cancelled,
        Place::Expired,
        Place::Refused,
    ],
    to: Place::Shipped,
};
/// They arrived.
pub const DELIVER: Passage = Passage {
    on: "`fulfilment.delivered`, or `return.received` of what nobody said had arrived",
    from: &[Place::Shipped],
    to: Place::Delivered,
};
/// An edit wants fewer of them: the least firm go first.
pub const EDIT: Passage = Passage {
    on: "`order.edit_requested` with a lower quantity",
    from: &[Place::Awaiting, Place::Reserved, Place::Allocated],
    to: Place::Cancelled,
};
/// They were called off.
pub const CANCEL: Passage = Passage {
    on: "`order.cancel_requested`, or a commit that failed",
    from: &Place::OPEN,
    to: Place::Cancelled,
};
/// They were not paid in time.
pub const EXPIRE: Passage =
    Passage { on: "the payment deadline passes", from: &Place::OPEN, to: Place::Expired };

/// All of them, and the one way back: units that did not leave after all, by
/// `fulfilment.cancelled`, go where they had come from or, if their SKU has answered since, where
/// it says.
pub const PASSAGES: [Passage; 9] =
    [RESERVE, REFUSE, FAIL, ALLOCATE, SHIP, DELIVER, EDIT, CANCEL, EXPIRE];
