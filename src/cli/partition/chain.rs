//! Whether a journal is one chain from where a fold would begin to its end.

use crate::{
    partition::record::{Link, Record, RecordHash},
    ports::{Journal, Partition, PortError},
};

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
