//! Which requests are refused `busy` instead of being decided: those of a level of safe mode, and
//! those of a SKU that takes more than its share while others wait.
//!
//! Promises: only who waits for an answer is refused, and only a new hold for a cart or a new
//! order; what frees stock or finishes a promise never is. Nothing here has a clock.

use std::collections::HashMap;

use crate::{
    actors::AnyInput,
    domain::{
        Level,
        decision::{Cause, Input},
        event::{HoldKind, OrderEvent, SkuEvent},
        ids::{EntityKey, Sku},
        time::{Span, Timestamp},
    },
};

/// Over how long a SKU's requests are counted.
const WINDOW: Span = Span(1_000_000);
/// Into how many parts a share is divided that is spread over that time.
const PARTS: i64 = 10;

/// What may be refused, by what it means for the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Somebody fills a cart.
    Cart,
    /// Somebody places an order.
    Order,
}

impl Request {
    /// What somebody asks for and waits for the answer of; nothing if it must be decided.
    fn of(input: &AnyInput) -> Option<Request> {
        let (cause, request) = match input {
            AnyInput::Sku(Input::Event(published)) => match &published.event {
                SkuEvent::HoldRequested(hold) if hold.kind == HoldKind::Cart => {
                    (&published.cause, Request::Cart)
                }
                _ => return None,
            },
            AnyInput::Order(Input::Event(published)) => match &published.event {
                OrderEvent::Placed(_) => (&published.cause, Request::Order),
                _ => return None,
            },
            AnyInput::Sku(_) | AnyInput::Order(_) => return None,
        };
        waits(cause).then_some(request)
    }

    /// From which level on it is refused.
    const fn refused_from(self) -> Level {
        match self {
            Request::Cart => Level::CartsBusy,
            Request::Order => Level::OrdersBusy,
        }
    }
}

fn waits(cause: &Cause) -> bool {
    cause.reply_to.is_some()
}

/// What deciding a request costs, in decisions: an order asks at least one SKU, and hears it.
pub fn cost(entity: &EntityKey) -> u64 {
    match entity {
        EntityKey::Sku(_) => 1,
        EntityKey::Order(_) => 3,
    }
}

/// How a SKU's requests went lately.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// For carts, by those who wait.
    requests: u32,
    /// Of these, decided.
    decided: u32,
    /// It takes no more than its share.
    hot: bool,
}

/// Refuses what is put off.
#[derive(Debug, Default)]
pub struct Shedding {
    began: Timestamp,
    asked: HashMap<Sku, Asked>,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stress {
    /// The level of safe mode.
    pub level: Level,
    /// More is asked for than can be decided.
    pub scarce: bool,
    /// Requests for carts of one SKU that are decided in a second at most, while more is asked for
    /// than can be decided, and until less is asked for of that SKU. 0: as many as there are.
    pub sku_share: u32,
    /// So much more can be decided now than anybody else asks for.
    pub spare: u32,
}

impl Shedding {
    /// Whether this input is to be refused `busy`, if it is new. What is decided beyond a share is
    /// taken from what is spare. `at` never goes back.
    pub fn refuses(
        &mut self,
        entity: &EntityKey,
        input: &AnyInput,
        stress: &mut Stress,
        at: Timestamp,
    ) -> bool {
        let Some(request) = Request::of(input) else { return false };
        if stress.level >= request.refused_from() {
            return true;
        }
        match entity {
            EntityKey::Sku(sku) if request == Request::Cart && stress.sku_share > 0 => {
                self.exceeds(sku, stress, at)
            }
            EntityKey::Sku(_) | EntityKey::Order(_) => false,
        }
    }

    /// SKUs that take no more than their share.
    pub fn hot(&self) -> usize {
        self.asked.values().filter(|asked| asked.hot).count()
    }

    fn exceeds(&mut self, sku: &Sku, stress: &mut Stress, at: Timestamp) -> bool {
        if at - self.began >= WINDOW {
            self.turn(stress.sku_share, at);
        }
        // Nothing is counted while all can be decided.
        if !stress.scarce && self.asked.is_empty() {
            return false;
        }
        if !self.asked.contains_key(sku) {
            self.asked.insert(sku.clone(), Asked::default());
        }
        let Some(asked) = self.asked.get_mut(sku) else { return false };
        asked.requests = asked.requests.saturating_add(1);
        asked.hot |= stress.scarce && asked.requests > stress.sku_share;
        if asked.hot && asked.decided >= so_far(stress.sku_share, at - self.began) {
            let left = stress.spare.checked_sub(1);
            stress.spare = left.unwrap_or(0);
            return left.is_none();
        }
        asked.decided += 1;
        false
    }

    /// A new second begins: who still asks for more than a share stays hot, the others are
    /// forgotten.
    fn turn(&mut self, share: u32, at: Timestamp) {
        let over = at - self.began >= Span(2 * WINDOW.0);
        self.began = at;
        self.asked.retain(|_, asked| {
            let hot = asked.hot && asked.requests > share && !over;
            *asked = Asked { hot, ..Asked::default() };
            hot
        });
    }
}

/// How much of its share a SKU may have taken by then: all of it at once would leave the others
/// nothing for a while.
fn so_far(share: u32, since: Span) -> u32 {
    let part = since.0.clamp(0, WINDOW.0) + WINDOW.0 / PARTS;
    let so_far = u64::from(share) * part.unsigned_abs();
    let so_far = so_far.div_ceil(WINDOW.0.unsigned_abs());
    u32::try_from(so_far).unwrap_or(share).min(share)
}
