//! What each store knows of a partition, whether they fit together, and what follows.

use async_nats::jetstream::context::KeyValueErrorKind;
use serde::Serialize;

use super::{Stores, chain};
use crate::{
    archive::{Failed, format::Manifest, names::Found, reading},
    cluster::Lease,
    contract::time,
    nats::names,
    partition::{
        effects::{id_prefix, sequence_of_id},
        entry::Entry,
        record::{Link, Record, RecordHash},
        recovery::{another_beginning, lost_tail},
        state::PartitionState,
    },
    ports::{JournalEntry, Outlet, Partition, PortError, Position},
};

/// The journal of a partition.
#[derive(Clone, Debug, Serialize)]
pub struct Journal {
    /// The sequence of its first record.
    pub first: u64,
    /// Whether it can be folded from there: a record that begins the partition.
    pub from_its_beginning: bool,
    #[serde(skip)]
    pub begins_in: u64,
    /// The sequence of its last record.
    pub last: u64,
    pub incarnation: u64,
    pub owner: String,
    pub decided_at: String,
    #[serde(skip)]
    pub end: Option<(Link, Record)>,
}

/// The snapshot in Redis.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    pub position: Position,
    /// Whether the record that it stands at is in the journal.
    pub fits: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(skip)]
    pub state: Option<PartitionState>,
}

/// An archive.
#[derive(Clone, Debug, Serialize)]
pub struct Archive {
    pub name: String,
    pub position: Position,
    pub at: String,
    pub age_s: f64,
    pub bytes: u64,
    pub entities: u64,
    /// Whether the record that it stands at is in the journal.
    pub fits: bool,
    /// Whether all of it was read, and was right.
    pub read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    #[serde(skip)]
    pub manifest: Option<Manifest>,
}

/// A partition, as all stores have it.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    pub partition: Partition,
    pub journal: Option<Journal>,
    /// The highest position that Redis knows to be committed.
    pub committed: Option<Position>,
    pub snapshot: Option<Snapshot>,
    pub archives: Vec<Archive>,
    /// The highest record of which an effect has left.
    pub told: Option<u64>,
    /// Where the journal is no chain, if all of it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    pub lease: Option<Lease>,
    /// Whether the stores fit together.
    pub can_be_served: bool,
    /// From what it would be brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comes_back_from: Option<String>,
    /// Why it cannot be served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What can be done about it.
    pub advice: Vec<String>,
}

/// How thoroughly archives are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archives {
    /// What they say of themselves.
    Described,
    /// All of them is read.
    Read,
}

/// Looks at all stores; changes nothing.
pub async fn look(
    stores: &Stores<'_>,
    partition: Partition,
    archives: Archives,
) -> Result<Seen, PortError> {
    let ports = &stores.ports;
    // What is known of the journal's end is read before the end itself: its owner appends.
    let committed = ports.snapshots.committed(partition).await?;
    let snapshot = ports.snapshots.state(partition).await?;
    let early = journal(stores, partition).await?;
    let told = told(stores, partition, early).await?;
    let mut seen = Seen {
        partition,
        journal: None,
        committed,
        snapshot: None,
        archives: Vec::new(),
        told,
        broken: None,
        lease: lease(stores, partition).await?,
        can_be_served: false,
        comes_back_from: None,
        why: None,
        advice: Vec::new(),
    };
    if let Some((position, bytes)) = snapshot {
        seen.snapshot = Some(look_at_snapshot(stores, partition, position, &bytes).await?);
    }
    if let Some(doors) = &ports.archive {
        for found in reading::finished(&*doors.shelf, partition).await? {
            seen.archives.push(look_at_archive(stores, partition, found, archives).await?);
        }
    }
    seen.journal = journal(stores, partition).await?;
    if archives == Archives::Read {
        seen.broken = chain::broken(&*ports.journal, partition, seen.base_link()).await?;
    }
    judge(&mut seen);
    Ok(seen)
}

async fn journal(stores: &Stores<'_>, partition: Partition) -> Result<Option<Journal>, PortError> {
    let journal = &stores.ports.journal;
    let Some(last) = journal.last(partition).await? else { return Ok(None) };
    let first = journal.read(partition, 0).await?.into_iter().next();
    let first = first.unwrap_or_else(|| last.clone());
    let end = Record::decode(&last.record).ok();
    let header = end.as_ref().map(|record| record.header.clone());
    let link = Link { sequence: last.sequence, hash: RecordHash::of(&last.record) };
    Ok(Some(Journal {
        first: first.sequence,
        from_its_beginning: is_beginning(&first),
        begins_in: Record::decode(&first.record).map_or(0, |of| of.header.incarnation),
        last: last.sequence,
        incarnation: header.as_ref().map_or(0, |header| header.incarnation),
        owner: header.as_ref().map_or_else(String::new, |header| header.owner.clone()),
        decided_at: header.map_or_else(String::new, |header| time::format(header.decided_at)),
        end: end.map(|record| (link, record)),
    }))
}

fn is_beginning(entry: &JournalEntry) -> bool {
    let begins = |record: Record| {
        matches!(record.entries.as_slice(), [Entry::Genesis | Entry::Reseeded { .. }])
    };
    Record::decode(&entry.record).is_ok_and(begins)
}

async fn look_at_snapshot(
    stores: &Stores<'_>,
    partition: Partition,
    position: Position,
    bytes: &[u8],
) -> Result<Snapshot, PortError> {
    let state = PartitionState::decode(bytes).filter(|state| state.position() == position);
    let fits = match &state {
        Some(state) => is_in_journal(stores, partition, state.last).await?,
        None => false,
    };
    let problem = match (&state, fits) {
        (None, _) => Some("this version cannot read it".to_owned()),
        (Some(state), false) => Some(not_in_journal(state.last)),
        (Some(_), true) => None,
    };
    Ok(Snapshot { position, fits, problem, state })
}

fn not_in_journal(link: Link) -> String {
    format!("the journal does not have its record {}", link.sequence)
}

async fn is_in_journal(
    stores: &Stores<'_>,
    partition: Partition,
    link: Link,
) -> Result<bool, PortError> {
    reading::is_in_journal(&*stores.ports.journal, partition, link).await
}

async fn look_at_archive(
    stores: &Stores<'_>,
    partition: Partition,
    found: Found,
    thoroughly: Archives,
) -> Result<Archive, PortError> {
    let now = stores.ports.clock.now();
    let mut archive = Archive {
        name: found.name.clone(),
        position: found.begun,
        at: time::format(found.at),
        age_s: ((now - found.at).0 as f64 / 1e6).max(0.0),
        bytes: found.bytes,
        entities: 0,
        fits: false,
        read: false,
        problem: None,
        manifest: None,
    };
    let manifest = match described(stores, &found, thoroughly).await {
        Ok(manifest) => manifest,
        Err(Failed::Port(error)) => return Err(error),
        Err(why) => {
            archive.problem = Some(why.to_string());
            return Ok(archive);
        }
    };
    archive.position = manifest.position;
    archive.entities = manifest.entities;
    archive.read = thoroughly == Archives::Read;
    archive.fits = is_in_journal(stores, partition, manifest.link).await?;
    if !archive.fits {
        archive.problem = Some(not_in_journal(manifest.link));
    }
    archive.manifest = Some(manifest);
    Ok(archive)
}

async fn described(
    stores: &Stores<'_>,
    found: &Found,
    thoroughly: Archives,
) -> Result<Manifest, Failed> {
    let doors = stores.ports.archive.as_ref();
    let doors = doors.ok_or(Failed::Overtaken("there is nowhere to look for it"))?;
    let manifest = reading::manifest(&*doors.shelf, &found.name).await?;
    reading::state(&manifest)?;
    if thoroughly == Archives::Read {
        reading::verify(&*doors.shelf, &found.name, &manifest).await?;
    }
    Ok(manifest)
}

/// The highest record of the journal's incarnation of which an outcome or a command has left.
async fn told(
    stores: &Stores<'_>,
    partition: Partition,
    journal: Option<Journal>,
) -> Result<Option<u64>, PortError> {
    let Some((_, end)) = journal.and_then(|journal| journal.end) else {
        return Ok(None);
    };
    let prefix = id_prefix(end.header.incarnation, partition);
    let outbox = &stores.ports.outbox;
    let out = outbox.ids(Outlet::Out, end.header.released.out, &prefix).await?;
    let commands = outbox.ids(Outlet::Commands, 0, &prefix).await?;
    let records = out.iter().chain(&commands).filter_map(|(_, id)| sequence_of_id(id));
    Ok(records.max())
}

async fn lease(stores: &Stores<'_>, partition: Partition) -> Result<Option<Lease>, PortError> {
    let error = |why: String| PortError::new(format!("read the lease of {partition}"), why);
    let bucket = match stores.connections.control.get_key_value(names::CLUSTER).await {
        Ok(bucket) => bucket,
        Err(e) if e.kind() == KeyValueErrorKind::GetBucket => return Ok(None),
        Err(e) => return Err(error(e.to_string())),
    };
    let bytes = bucket.get(Lease::key(partition)).await.map_err(|e| error(e.to_string()))?;
    bytes.map(|bytes| Lease::decode(&bytes)).transpose().map_err(|e| error(e.to_string()))
}

impl Seen {
    /// All positions that are known to have been committed.
    pub fn known(&self) -> impl Iterator<Item = Position> {
        let snapshot = self.snapshot.as_ref().map(|snapshot| snapshot.position);
        let incarnation = self.journal.as_ref().map_or(0, |journal| journal.incarnation);
        let told = self.told.map(|sequence| Position { incarnation, sequence });
        let archives = self.archives.iter().map(|archive| archive.position);
        [self.committed, snapshot, told].into_iter().flatten().chain(archives)
    }

    /// The highest incarnation that anybody knows of.
    pub fn incarnation(&self) -> u64 {
        let journal = self.journal.as_ref().map_or(0, |journal| journal.incarnation);
        self.known().map(|known| known.incarnation).fold(journal, u64::max)
    }

    /// The last record of the journal; 0 without any.
    pub fn end(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.last)
    }

    /// The highest record of the newest incarnation that is known to have been committed.
    pub fn known_to(&self) -> Position {
        let incarnation = self.journal.as_ref().map_or(0, |journal| journal.incarnation);
        let end = Position { incarnation, sequence: self.end() };
        self.known().fold(end, Position::max)
    }

    /// The record that a fold would begin behind; none from the journal's beginning.
    fn base_link(&self) -> Option<Link> {
        let snapshot = self.snapshot.as_ref().filter(|snapshot| snapshot.fits);
        let state = snapshot.and_then(|snapshot| snapshot.state.as_ref()).map(|state| state.last);
        let archive = self.archives.iter().find(|archive| archive.fits);
        state.or(archive.and_then(|archive| Some(archive.manifest.as_ref()?.link)))
    }

    /// What a fold of the journal could begin with.
    pub fn base(&self) -> Option<String> {
        let snapshot = self.snapshot.as_ref().filter(|snapshot| snapshot.fits);
        let archive = self.archives.iter().find(|archive| archive.fits);
        let journal = self.journal.as_ref();
        match (snapshot, archive, journal.filter(|journal| journal.from_its_beginning)) {
            (Some(of), _, _) => Some(format!("the snapshot in Redis at {}", of.position.sequence)),
            (None, Some(of), _) => Some(format!("the archive at {}", of.position.sequence)),
            (None, None, Some(of)) => Some(format!("the journal's first record, {}", of.first)),
            (None, None, None) => None,
        }
    }
}

fn judge(seen: &mut Seen) {
    let partition = seen.partition;
    let Some(journal) = &seen.journal else {
        let lost = seen.known().max();
        seen.why = Some(match lost {
            None => "the journal has no first record".to_owned(),
            Some(known) => format!(
                "the journal is empty, and record {} is known to be committed: JetStream lost \
                 acknowledged writes",
                known.sequence
            ),
        });
        seen.advice.push(match lost {
            None => "`earmark setup` writes it".to_owned(),
            Some(_) => reseed(partition),
        });
        return;
    };
    if journal.end.is_none() {
        seen.why = Some(format!("this version cannot read the journal's record {}", journal.last));
        seen.advice.push("use the version that wrote it".to_owned());
        return;
    }
    let end = Position { incarnation: journal.incarnation, sequence: journal.last };
    let genesis = Position { incarnation: journal.begins_in, sequence: journal.first };
    let replaced = journal.from_its_beginning
        && journal.begins_in == journal.incarnation
        && !seen.snapshot.as_ref().is_some_and(|snapshot| snapshot.fits)
        && !seen.archives.iter().any(|archive| archive.fits);
    let replaced = if replaced { another_beginning(seen.known(), genesis) } else { None };
    let lost = lost_tail(seen.known(), end).or(replaced);
    let base = seen.base();
    let snapshot = seen.snapshot.as_ref().filter(|snapshot| snapshot.state.is_some());
    let archive = seen.archives.iter().any(|archive| archive.manifest.is_some());
    let accept = format!(
        "`earmark partition accept-loss {partition}` goes on from the journal's end, {}, and \
         decides anew what came after it",
        journal.last
    );
    match (lost.or(seen.broken.clone()), base) {
        (None, Some(base)) => {
            seen.can_be_served = true;
            seen.comes_back_from = Some(base);
        }
        (None, None) => {
            seen.why = Some(format!(
                "the journal begins at record {}, which is not its first, and neither Redis nor an \
                 archive has a snapshot that fits it",
                journal.first
            ));
            if snapshot.is_some() || archive {
                seen.advice.push(reseed(partition));
            }
        }
        (Some(lost), base) => {
            seen.why = Some(lost);
            if snapshot.is_some() || archive {
                seen.advice.push(reseed(partition));
            }
            if base.is_some() && seen.broken.is_none() {
                let keeps_more = snapshot.is_none_or(|of| of.position < end);
                let at = if keeps_more { 0 } else { seen.advice.len() };
                seen.advice.insert(at, accept);
            }
        }
    }
}

fn reseed(partition: Partition) -> String {
    format!(
        "`earmark partition reseed {partition}` begins anew from the newest snapshot that is left"
    )
}
