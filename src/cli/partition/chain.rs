//! Whether a journal is one chain from where a fold would begin to its end, and where that is if it
//! has lost its beginning.

use crate::{
    partition::{
        record::{Link, Record, RecordHash},
        verdict::Begins,
    },
    ports::{Journal, Partition, PortError},
};

/// The last record that begins the partition anew from an archive.
pub async fn last_reseeded(
    journal: &dyn Journal,
    partition: Partition,
) -> Result<Option<(Link, Begins)>, PortError> {
    let (mut after, mut found) = (0, None);
    loop {
        let page = journal.read(partition, after).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.sequence;
        for entry in &page {
            let link = || Link { sequence: entry.sequence, hash: RecordHash::of(&entry.record) };
            let begins = Record::decode(&entry.record);
            let begins = begins.map(|record| Begins::with(entry.sequence, &record));
            if let Ok(begins @ Begins::Reseeded(_)) = begins {
                found = Some((link(), begins));
            }
        }
    }
}

/// Where it is not, in words. `base` is the record that a fold would begin behind.
pub async fn broken(
    journal: &dyn Journal,
    partition: Partition,
    base: Option<Link>,
) -> Result<Option<String>, PortError> {
    let mut before = base;
    loop {
        let after = before.map_or(0, |link| link.sequence);
        let page = journal.read(partition, after).await?;
        if page.is_empty() {
            return Ok(None);
        }
        for entry in page {
            let sequence = entry.sequence;
            let record = match Record::decode(&entry.record) {
                Ok(record) => record,
                Err(why) => return Ok(Some(format!("journal record {sequence}: {why}"))),
            };
            let (claimed, first) = (record.header.previous, before.is_none());
            if claimed != before && !first {
                let text = |link: Option<Link>| link.map_or("none".to_owned(), |l| l.to_string());
                return Ok(Some(format!(
                    "journal record {sequence} follows {}, but the record before it is {}: \
                     JetStream lost or changed acknowledged writes",
                    text(claimed),
                    text(before)
                )));
            }
            before = Some(Link { sequence, hash: RecordHash::of(&entry.record) });
        }
    }
}
