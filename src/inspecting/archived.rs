//! An entity as an archived snapshot has it.

use bytes::Bytes;

use crate::{
    archive::{Failed, reading},
    domain::ids::EntityKey,
    error::{Exit, Failure},
    partition::fold::State,
    ports::{Journal, Partition, Shelf},
};

/// The archives of an entity's partition.
pub struct Archives<'a> {
    /// Where they are, if there are any.
    pub shelf: Option<&'a dyn Shelf>,
    /// Whose they are.
    pub partition: Partition,
    /// The entity.
    pub key: &'a EntityKey,
}

/// What an archive has of the entity.
pub struct Taken {
    /// Its state; a new entity's if the archive has nothing of it.
    pub state: State,
    /// Why it decides no more, if it does not.
    pub quarantined: Option<String>,
    /// Whether the archive has something of it.
    pub is_there: bool,
}

impl Archives<'_> {
    /// The newest one that stands at a record of the journal, and where.
    pub async fn newest_in(&self, journal: &dyn Journal) -> Result<Option<(u64, String)>, Failure> {
        let Some(shelf) = self.shelf else { return Ok(None) };
        for found in reading::finished(shelf, self.partition).await? {
            let Ok(manifest) = reading::manifest(shelf, &found.name).await else { continue };
            if reading::is_in_journal(journal, self.partition, manifest.link).await? {
                return Ok(Some((manifest.link.sequence, found.name)));
            }
        }
        Ok(None)
    }

    /// Takes the entity from an archive.
    pub async fn take(&self, archive: &str) -> Result<Taken, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            Failure::new(Exit::Failed, format!("the archive {archive} cannot be read: {why}"))
                .advise(format!("`earmark partition show {}` says more", self.partition))
        };
        let shelf = self.shelf.ok_or_else(|| failed(&"nothing is archived here"))?;
        let read = async {
            let manifest = reading::manifest(shelf, archive).await?;
            let state = reading::state(&manifest)?;
            let parts = reading::entity(shelf, (archive, &manifest), self.key).await?;
            Ok::<_, Failed>((state, parts))
        };
        let (of_partition, parts) = read.await.map_err(|error| failed(&error))?;
        let parts: Vec<(String, Bytes)> = parts.unwrap_or_default();
        Ok(Taken {
            is_there: !parts.is_empty(),
            state: State::from_parts(self.key, parts).map_err(|breach| failed(&breach))?,
            quarantined: of_partition.quarantined.get(self.key).cloned(),
        })
    }
}
