//! Where an order stands for what may be said to it, and the guard over that.
//!
//! Promise: what nobody has placed is waited for; what has ended says so by name; and of an order
//! that has left the hot state, money that comes too late is still given back, and goods that come
//! too late are still counted.

use super::{OrderState, decide::edit, lines::Place, state::Order};
use crate::domain::{
    described::described,
    event::OrderEvent,
    guard::{Guard, Then, guard},
    ids::Name,
    refusal::Reason,
    time::Timestamp,
};

described! {
    /// Where an order stands, or those of its lines that an event is about.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Station {
        /// Nobody has placed it.
        Unplaced = "unplaced",
        /// Units may still ship.
        Open = "open",
        /// All that is wanted has left.
        Left = "left",
        /// No unit will come, and none went.
        Over = "over",
        /// It has left the hot state; a stone stays.
        Forgotten = "forgotten",
    }
}

described! {
    /// What can be said to an order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum OrderStep {
        /// A shop places it.
        Placed = "order.placed",
        /// A buyer or a shop calls off all of it, or some lines.
        CancelRequested = "order.cancel_requested",
        /// A buyer or a shop wants other quantities.
        EditRequested = "order.edit_requested",
        /// A payment provider says what happened to money.
        Payment = "payment.*",
        /// A warehouse says what happened to goods.
        Fulfilment = "fulfilment.*",
        /// A carrier says where a parcel is.
        Tracked = "shipment.tracked",
        /// A buyer, a shop or a warehouse says what comes back.
        Return = "return.*",
    }
}

described! {
    /// What a row of [`ORDER`] depends on beside the station.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum OrderCondition {
        /// It names a line that there is not.
        UnknownLine = "unknown_line",
        /// The time to cancel is over, and the event would take units away.
        WindowClosed = "window_closed",
        /// Units have left.
        SomeLeft = "some_left",
        /// Its units were called off before.
        Cancelled = "cancelled",
    }
}

/// The guard of orders.
pub const ORDER: Guard<Station, OrderStep, OrderCondition> = {
    use OrderCondition::{Cancelled, SomeLeft, UnknownLine, WindowClosed};
    use OrderStep as Step;
    use Station::{Forgotten, Left, Open, Over, Unplaced};
    use Then::{Go, Note, Refuse, Stay, Wait};
    guard! {
        [Unplaced] + [Step::Placed] => Go(Open), "every SKU is asked for a hold";
        [Open, Left, Over, Forgotten] + [Step::Placed]
            => Refuse(Reason::OrderExists), "an order is placed once";
        [Unplaced] + [
            Step::CancelRequested, Step::EditRequested, Step::Payment, Step::Fulfilment,
            Step::Tracked, Step::Return
        ] => Wait, "it is decided once the order is placed, or given up as `orphan`";
        [Open, Left, Over] + [Step::CancelRequested] if UnknownLine
            => Refuse(Reason::UnknownLine), "nothing is called off";
        [Open] + [Step::CancelRequested] if WindowClosed
            => Refuse(Reason::CancelWindowClosed), "the order goes on";
        [Open] + [Step::CancelRequested]
            => Stay, "what has not left of the lines that it names is called off";
        [Left] + [Step::CancelRequested]
            => Refuse(Reason::AlreadyShipped), "what left comes back by a return";
        [Over] + [Step::CancelRequested] if Cancelled => Note, "it was called off before";
        [Over] + [Step::CancelRequested]
            => Refuse(Reason::OrderEnded), "it ended in another way";
        [Open] + [Step::EditRequested] if SomeLeft
            => Refuse(Reason::AlreadyShipped), "what has left in part is cancelled or returned";
        [Open] + [Step::EditRequested] if WindowClosed
            => Refuse(Reason::CancelWindowClosed), "the order goes on as it was";
        [Open] + [Step::EditRequested]
            => Stay, "less is called off at once, more is asked for beside what is there";
        [Left] + [Step::EditRequested]
            => Refuse(Reason::AlreadyShipped), "what left comes back by a return";
        [Over] + [Step::EditRequested] => Refuse(Reason::OrderEnded), "it is placed anew";
        [Open, Left, Over] + [Step::Payment]
            => Stay, "the amount is written down, whatever the order stands at";
        [Open, Left, Over] + [Step::Fulfilment] => Stay, "see the fulfilment's own guard";
        [Open, Left, Over] + [Step::Tracked] => Stay, "the carrier's newest word is kept";
        [Open, Left, Over] + [Step::Return] => Stay, "see the return's own guard";
        [Forgotten] + [Step::Payment, Step::Fulfilment, Step::Return]
            => Stay, "it is as it was before it was forgotten, and hears it";
        [Forgotten] + [Step::Tracked] => Note, "it is too long ago";
        [Forgotten] + [Step::CancelRequested, Step::EditRequested]
            => Refuse(Reason::OrderEnded), "it is too long ago";
    }
};

impl OrderStep {
    /// What an event says to an order.
    pub fn of(event: &OrderEvent) -> OrderStep {
        match event {
            OrderEvent::Placed(_) => OrderStep::Placed,
            OrderEvent::CancelRequested(_) => OrderStep::CancelRequested,
            OrderEvent::EditRequested(_) => OrderStep::EditRequested,
            OrderEvent::Payment(..) => OrderStep::Payment,
            OrderEvent::Fulfilment(..) => OrderStep::Fulfilment,
            OrderEvent::ShipmentTracked(_) => OrderStep::Tracked,
            OrderEvent::Return(..) => OrderStep::Return,
        }
    }
}

/// An order as an event finds it.
pub(super) struct Found<'a> {
    order: Option<&'a Order>,
    forgotten: bool,
    event: &'a OrderEvent,
    logged_at: Timestamp,
}

impl<'a> Found<'a> {
    /// What an event finds.
    pub fn new(state: &'a OrderState, event: &'a OrderEvent, logged_at: Timestamp) -> Found<'a> {
        let (order, forgotten) = (state.order.as_ref(), state.stone.is_some());
        Found { order, forgotten, event, logged_at }
    }

    /// What follows.
    pub fn then(&self) -> Then<Station> {
        ORDER.then(self.station(), OrderStep::of(self.event), |condition| self.holds(condition))
    }

    /// Where the order stands, or those of its lines that are to be cancelled.
    fn station(&self) -> Station {
        match self.order {
            None if self.forgotten => Station::Forgotten,
            None => Station::Unplaced,
            Some(_) if self.sum(&Place::OPEN) > 0 || self.is_wished_for() => Station::Open,
            Some(_) if self.sum(&Place::GONE) > 0 => Station::Left,
            Some(_) => Station::Over,
        }
    }

    fn holds(&self, condition: OrderCondition) -> bool {
        match condition {
            OrderCondition::UnknownLine => self.unknown_line().is_some(),
            OrderCondition::WindowClosed => self.order.is_some_and(|order| {
                let closed = order.terms.cancel_until.is_some_and(|until| until < self.logged_at);
                closed && self.takes_away(order)
            }),
            OrderCondition::SomeLeft => self.sum(&Place::GONE) > 0,
            OrderCondition::Cancelled => self.sum(&[Place::Cancelled]) > 0,
        }
    }

    /// The lines that it is about; all where it names none.
    fn named(&self) -> Option<&'a [Name]> {
        match self.event {
            OrderEvent::CancelRequested(request) => request.lines.as_deref(),
            _ => None,
        }
    }

    /// The first line that is named and is none.
    pub fn unknown_line(&self) -> Option<&'a Name> {
        let order = self.order?;
        let known = |name: &Name| order.line_named(name).is_some() || order.is_wished_for(name);
        self.named()?.iter().find(|name| !known(name))
    }

    /// Some of the lines that it is about are asked for beside what there is.
    fn is_wished_for(&self) -> bool {
        let Some(order) = self.order else { return false };
        match self.named() {
            Some(named) => named.iter().any(|name| order.is_wished_for(name)),
            None => order.hopes(),
        }
    }

    fn takes_away(&self, order: &Order) -> bool {
        match self.event {
            OrderEvent::EditRequested(request) => edit::takes_away(order, request),
            _ => true,
        }
    }

    fn sum(&self, places: &[Place]) -> u64 {
        let named = self.named();
        let lines = self.order.map_or(&[][..], |order| &order.lines);
        let lines = lines.iter().filter(|line| named.is_none_or(|of| of.contains(&line.name)));
        lines.map(|line| line.units.sum(places)).sum()
    }
}
