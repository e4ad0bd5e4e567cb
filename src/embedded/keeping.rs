//! What the logs that others read keep: outcomes and dead letters go when they are old enough.

use super::{
    Embedded,
    store::{Fault, Writing},
    tables::{IDS, Kept, LETTERS, Log, OBJECTS, OUT},
};
use crate::{
    domain::time::{Span, Timestamp},
    ports::PortError,
};

/// Messages that one transaction forgets at most: others write in between.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// How long what is read by others is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Outcomes, and with them the ids by which a repeat is recognised.
    pub outcomes: Span,
    /// Dead letters and their bytes; for ever if nothing is said.
    pub dead_letters: Option<Span>,
}

impl Embedded {
    /// Forgets what is old enough.
    pub async fn trim(&self, keeping: Keeping, now: Timestamp) -> Result<(), PortError> {
        let trimmed = async {
            self.forget_before(OUT, now - keeping.outcomes).await?;
            match keeping.dead_letters {
                Some(keep) => self.forget_before(LETTERS, now - keep).await,
                None => Ok(()),
            }
        };
        trimmed.await.map_err(|fault: Fault| fault.doing("forget what is old enough"))
    }

    async fn forget_before(&self, log: Log, before: Timestamp) -> Result<(), Fault> {
        loop {
            let forgotten = self.store.write(false, move |Writing { txn, .. }| {
                let old = |_, kept: &Kept| kept.at < before;
                let gone = log.take_oldest(txn, FORGOTTEN_AT_ONCE, old)?;
                for id in gone.iter().filter_map(|(_, kept)| kept.id.as_deref()) {
                    txn.open_table(IDS)?.remove((log.name, id))?;
                    // The bytes of a dead letter that no message could carry have its name.
                    txn.open_table(OBJECTS)?.remove(id)?;
                }
                Ok(gone.len())
            });
            if forgotten.await? < FORGOTTEN_AT_ONCE {
                return Ok(());
            }
        }
    }
}
