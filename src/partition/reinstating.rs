//! Quarantined entities that an operator lets decide again.
//!
//! Promises: one word of an operator ends one quarantine; an entity that fails again is quarantined
//! again, and stays so until the next word. It goes on in the state that it had before the input on
//! which it failed, which stays a dead letter; what has waited since is decided in its order.

use super::{Exit, entry::Entry, format::needed_by, owner::Owner};
use crate::domain::ids::EntityKey;

impl Owner {
    /// Does what operators have said since this was called last.
    pub(super) async fn reinstate(&mut self) -> Result<(), Exit> {
        // It is made anew from its snapshot.
        if self.redis_rests() {
            return Ok(());
        }
        let said = self.env.credit.borrow().reinstated.clone();
        self.heeded.retain(|entity, _| said.contains_key(entity));
        for (entity, word) in said.iter() {
            if self.heeded.get(entity).is_some_and(|last| *last >= word.number) {
                continue;
            }
            if !self.state.quarantined.contains_key(entity) {
                // It is no word about what may befall the entity later.
                self.heeded.insert(entity.clone(), word.number);
                continue;
            }
            let (by, why) = (word.by.clone(), word.why.clone());
            let entry = Entry::Reinstated { entity: entity.clone(), by, why };
            // Whoever may take over must be able to read it.
            if self.env.formats.writes() < needed_by(&entry) {
                return Ok(());
            }
            self.heeded.insert(entity.clone(), word.number);
            self.go_on_with(entity, entry).await?;
        }
        Ok(())
    }

    async fn go_on_with(&mut self, entity: &EntityKey, entry: Entry) -> Result<(), Exit> {
        tracing::warn!(partition = self.env.partition, %entity, "a quarantine ends");
        self.open_batch();
        self.push(entry)?;
        // Its deadlines were not given meanwhile: they are known anew once it is made anew.
        self.rebuild([entity.clone()]).await
    }
}
