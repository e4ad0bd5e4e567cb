//! What each store knows of a partition.

use serde::Serialize;

use super::{Stores, chain, judge::judge};
use crate::{
    archive::{Failed, format::Manifest, names::Found, reading},
    cluster::Lease,
    contract::time,
    nats::NatsLeases,
    partition::{
        effects::{id_prefix, sequence_of_id},
        record::{Link, Record, RecordHash},
        state::PartitionState,
        verdict::Begins,
    },
    ports::{Outlet, Partition, PortError, Position},
};

/// The journal of a partition.
#[derive(Clone, Debug, Serialize)]
pub struct Journal {
    /// The sequence of its first record.
    pub first: u64,
    /// Whether it can be folded from there: a record that begins the partition.
    pub from_its_beginning: bool,
    /// With what a fold of it begins where nothing fits it.
    #[serde(skip)]
    pub begins: Begins,
    #[serde(skip)]
    pub begins_behind: Option<Link>,
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
    /// Whether this process could write a record behind the journal's end.
    #[serde(skip)]
    pub can_be_written: bool,
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
        lease: NatsLeases::new(stores.connections.leases.clone()).lease(partition).await?,
        can_be_served: false,
        can_be_written: false,
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
    if let Some(journal) = &mut seen.journal
        && !journal.begins.is_a_beginning()
        && seen.snapshot.as_ref().is_none_or(|snapshot| !snapshot.fits)
        && seen.archives.iter().all(|archive| !archive.fits)
        && let Some(anew) = chain::last_reseeded(&*ports.journal, partition).await?
    {
        (journal.begins_behind, journal.begins) = (Some(anew.0), anew.1);
    }
    if archives == Archives::Read {
        seen.broken = chain::broken(&*ports.journal, partition, seen.base_link()).await?;
    }
    judge(&mut seen, stores.partitions());
    Ok(seen)
}

async fn journal(stores: &Stores<'_>, partition: Partition) -> Result<Option<Journal>, PortError> {
    let journal = &stores.ports.journal;
    let Some(last) = journal.last(partition).await? else { return Ok(None) };
    let first = journal.read(partition, 0).await?.into_iter().next();
    let first = first.unwrap_or_else(|| last.clone());
    let begins = Record::decode(&first.record).map_or_else(
        |_| Begins::Later(Position { incarnation: 0, sequence: first.sequence }),
        |record| Begins::with(first.sequence, &record),
    );
    let end = Record::decode(&last.record).ok();
    let header = end.as_ref().map(|record| record.header.clone());
    let link = Link { sequence: last.sequence, hash: RecordHash::of(&last.record) };
    Ok(Some(Journal {
        first: first.sequence,
        from_its_beginning: begins.is_a_beginning(),
        begins,
        begins_behind: None,
        last: last.sequence,
        incarnation: header.as_ref().map_or(0, |header| header.incarnation),
        owner: header.as_ref().map_or_else(String::new, |header| header.owner.clone()),
        decided_at: header.map_or_else(String::new, |header| time::format(header.decided_at)),
        end: end.map(|record| (link, record)),
    }))
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
