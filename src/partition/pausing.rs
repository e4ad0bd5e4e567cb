//! What operators have paused.
//!
//! Promises: of a paused lane nothing is read, and the log keeps it; a paused SKU or order decides
//! nothing, gets neither deadlines nor steps, and what comes for it waits in its order. What others
//! tell it is asked again until it is answered. Afterwards it goes on as if nothing had been.

use std::{mem, sync::Arc};

use super::owner::Owner;
use crate::domain::ids::EntityKey;

impl Owner {
    /// Takes notice of what has been paused since, and of what goes on.
    pub(super) fn heed_pauses(&mut self) {
        let paused = self.env.credit.borrow().paused.clone();
        if Arc::ptr_eq(&paused, &self.paused) {
            return;
        }
        let before = mem::replace(&mut self.paused, paused);
        let goes_on = before.entities.difference(&self.paused.entities);
        // By a step it says what it is due; one that inputs wait for says so when they are decided.
        self.stepping.extend(goes_on.filter(|entity| self.registry.holds(entity)).cloned());
    }

    pub(super) fn is_paused(&self, entity: &EntityKey) -> bool {
        self.paused.entities.contains(entity)
    }
}
