//! What a shell needs to know of the entity inside beyond `Entity`: how it looks from outside.

use crate::{
    domain::{
        Entity,
        brief::Brief,
        command::{CommandBody, SkuAnswer, SkuCommand},
        decision::Input,
        event::{OrderEvent, SkuEvent},
        ids::{EntityKey, OrderId, Sku},
        order::{OrderFact, OrderState},
        sku::{SkuFact, SkuState},
    },
    inspecting::{View, view},
    partition::{
        books::Books,
        entry::{Facts, Shown},
    },
};

/// An input for either kind of entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyInput {
    /// For a SKU.
    Sku(Input<SkuEvent, SkuCommand>),
    /// For an order.
    Order(Input<OrderEvent, SkuAnswer>),
}

/// An entity that can live in an actor of a partition.
pub trait Hosted: Entity + Unpin + 'static {
    /// The entity's key among all entities.
    fn entity_key(key: &Self::Key) -> EntityKey;

    /// Its facts, as a journal entry holds them.
    fn facts(facts: Vec<Self::Fact>) -> Facts;

    /// Its own facts of a journal entry; `None` if they are another kind's.
    fn own_facts(facts: Facts) -> Option<Vec<Self::Fact>>;

    /// Its own input; `None` if it is for another kind.
    fn own_input(input: AnyInput) -> Option<Input<Self::Event, Self::Command>>;

    /// What a shop may show of it.
    fn shown(&self) -> Option<Shown>;

    /// How it stands, in brief.
    fn in_brief(&self) -> Brief;

    /// What it adds to the books of its partition.
    fn books(&self) -> Books;

    /// What whoever asks is shown of it; nothing if nobody has heard of it.
    fn view(&self) -> Option<View>;
}

impl Hosted for SkuState {
    fn entity_key(key: &Sku) -> EntityKey {
        EntityKey::Sku(key.clone())
    }

    fn facts(facts: Vec<SkuFact>) -> Facts {
        Facts::Sku(facts)
    }

    fn own_facts(facts: Facts) -> Option<Vec<SkuFact>> {
        match facts {
            Facts::Sku(facts) => Some(facts),
            Facts::Order(_) => None,
        }
    }

    fn own_input(input: AnyInput) -> Option<Input<SkuEvent, SkuCommand>> {
        match input {
            AnyInput::Sku(input) => Some(input),
            AnyInput::Order(_) => None,
        }
    }

    fn shown(&self) -> Option<Shown> {
        Some(Shown { revision: self.revision(), total: self.quantities(None) })
    }

    fn in_brief(&self) -> Brief {
        Brief::from(self)
    }

    fn books(&self) -> Books {
        let total = self.quantities(None);
        Books {
            open_holds: self.book().open() as i64,
            on_hand: total.on_hand.cast_signed(),
            available: total.available.cast_signed(),
            held: total.held.cast_signed(),
            allocated: total.allocated.cast_signed(),
            unavailable: total.unavailable.cast_signed(),
            short: total.short.cast_signed(),
            backordered: total.backordered.cast_signed(),
            overdrawn: total.overdrawn.cast_signed(),
            awaited: 0,
        }
    }

    fn view(&self) -> Option<View> {
        view::sku(self).map(View::Sku)
    }
}

impl Hosted for OrderState {
    fn entity_key(key: &OrderId) -> EntityKey {
        EntityKey::Order(key.clone())
    }

    fn facts(facts: Vec<OrderFact>) -> Facts {
        Facts::Order(facts)
    }

    fn own_facts(facts: Facts) -> Option<Vec<OrderFact>> {
        match facts {
            Facts::Order(facts) => Some(facts),
            Facts::Sku(_) => None,
        }
    }

    fn own_input(input: AnyInput) -> Option<Input<OrderEvent, SkuAnswer>> {
        match input {
            AnyInput::Order(input) => Some(input),
            AnyInput::Sku(_) => None,
        }
    }

    fn shown(&self) -> Option<Shown> {
        None
    }

    fn in_brief(&self) -> Brief {
        Brief::from(self)
    }

    fn books(&self) -> Books {
        let legs = self.order().map_or(&[][..], |order| &order.legs);
        let awaited = legs.iter().filter(|leg| leg.is_awaited()).count();
        Books { awaited: awaited as i64, ..Books::default() }
    }

    fn view(&self) -> Option<View> {
        view::order(self).map(View::Order)
    }
}

impl AnyInput {
    /// An input without content of its own (a deadline, a step) for an entity of either kind.
    pub fn internal(entity: &EntityKey, of: InternalInput) -> AnyInput {
        match (entity, of) {
            (EntityKey::Sku(_), InternalInput::Step) => AnyInput::Sku(Input::Step),
            (EntityKey::Order(_), InternalInput::Step) => AnyInput::Order(Input::Step),
            (EntityKey::Sku(_), InternalInput::Deadline { clock, reached }) => {
                AnyInput::Sku(Input::Deadline { clock, reached })
            }
            (EntityKey::Order(_), InternalInput::Deadline { clock, reached }) => {
                AnyInput::Order(Input::Deadline { clock, reached })
            }
        }
    }

    /// A command for the entity it is addressed to; `None` if that kind takes no such command.
    pub fn command(
        command: crate::domain::command::Command,
        logged_at: crate::domain::time::Timestamp,
    ) -> Option<(EntityKey, AnyInput)> {
        let (from, time) = (command.from, command.time);
        let input = match (&command.to, command.body) {
            (EntityKey::Sku(_), CommandBody::Ask(command)) => {
                AnyInput::Sku(Input::Command { command, from, time, logged_at })
            }
            (EntityKey::Order(_), CommandBody::Answer(command)) => {
                AnyInput::Order(Input::Command { command, from, time, logged_at })
            }
            (EntityKey::Sku(_), CommandBody::Answer(_))
            | (EntityKey::Order(_), CommandBody::Ask(_)) => return None,
        };
        Some((command.to, input))
    }
}

/// An input that the partition itself gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InternalInput {
    /// The next step of something decided before.
    Step,
    /// A deadline was reached.
    Deadline {
        /// On which clock.
        clock: crate::domain::DueClock,
        /// How far it has come.
        reached: crate::domain::time::Timestamp,
    },
}
