//! `earmark partition reseed`: begins a partition anew from a snapshot, after JetStream lost
//! acknowledged writes.

use clap::Args;

use super::{
    Stores,
    change::{Begun, How, Plan},
    look::{Archives, Seen, look},
};
use crate::{
    archive::{self, reading},
    error::{Exit, Failure},
    nats::names,
    partition::{Begin, entry::Entry, record::Released, state::PartitionState},
    ports::{Partition, PortError, Position},
};

/// Begin a partition anew from the newest snapshot that is left, in Redis or archived.
///
/// The snapshot is archived, if it is not, and a record is appended that begins a new incarnation
/// from it: whoever serves the partition next loads it. It is a dry run unless --apply is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark partition reseed 3                              # what would be done, and lost
  earmark partition reseed 3 --apply --by ann --reason 'INC-17: disk of nats-1 was lost'")]
pub struct Reseed {
    /// The partition.
    #[arg(value_name = "N")]
    partition: Partition,
    #[command(flatten)]
    how: How,
}

/// What it begins anew from.
#[derive(Clone, Debug)]
enum From {
    Redis(PartitionState),
    Archive(String, PartitionState),
}

impl From {
    fn state(&self) -> &PartitionState {
        match self {
            From::Redis(state) | From::Archive(_, state) => state,
        }
    }

    fn position(&self) -> Position {
        self.state().position()
    }
}

impl Reseed {
    pub(super) async fn run(self, stores: &Stores<'_>, json: bool) -> Result<Exit, Failure> {
        stores.check(self.partition)?;
        let seen = look(stores, self.partition, Archives::Read).await?;
        let from = source(&seen)?;
        let plan = plan(&seen, &from);
        let act = async || {
            let by = (self.how.by()?, self.how.reason());
            reseed(stores, &seen, &from, by).await
        };
        self.how.carry_out(stores, plan, json, act).await
    }
}

/// The newest snapshot that can be read.
fn source(seen: &Seen) -> Result<From, Failure> {
    let partition = seen.partition;
    let refuse = |text: String, advice: &str| Failure::new(Exit::Failed, text).advise(advice);
    if seen.can_be_served {
        let text = format!("partition {partition} lost nothing: it can be served");
        return Err(refuse(text, "`earmark partition show` shows what each store has"));
    }
    if !seen.can_be_written {
        let why = seen.why.clone().unwrap_or_default();
        return Err(refuse(why, &seen.advice.join("; ")));
    }
    let redis = seen.snapshot.as_ref().and_then(|snapshot| snapshot.state.clone());
    let archived = seen.archives.iter().filter(|archive| archive.read).filter_map(|archive| {
        let state = reading::state(archive.manifest.as_ref()?).ok()?;
        Some(From::Archive(archive.name.clone(), state))
    });
    let newest = archived.chain(redis.map(From::Redis)).max_by_key(From::position);
    let text = format!("partition {partition}: no snapshot is left, neither in Redis nor archived");
    let restore = "restore Redis, or EARMARK_SNAPSHOTS, from a backup";
    newest
        .ok_or_else(|| refuse(text, &[&[restore.to_owned()], &*seen.advice].concat().join("; or ")))
}

fn plan(seen: &Seen, from: &From) -> Plan {
    let (end, known, at) = (seen.end().sequence, seen.known_to(), from.position());
    let incarnation = seen.incarnation() + 1;
    let mut steps = vec!["write to EARMARK_AUDIT who does this, and why".to_owned()];
    let archive = match from {
        From::Redis(_) => {
            steps.push(format!("archive Redis' snapshot at {}, and read it back", at.sequence));
            "that archive".to_owned()
        }
        From::Archive(name, _) => format!("the archive {name}"),
    };
    steps.push(format!(
        "append a record behind {end} that begins incarnation {incarnation} from {archive}"
    ));
    steps.push("the next owner puts it in place of Redis' snapshot, and reads on".to_owned());
    let mut lost = Vec::new();
    if known.incarnation == at.incarnation && known.sequence > at.sequence {
        lost.push(seen.lost_behind(at));
    }
    let released = from.state().released.up_to.max(end);
    if released < at.sequence {
        lost.push(format!(
            "what records behind {released}, up to {}, had to tell, as far as it had not left: \
             outcomes, commands, answers. Commands and answers are asked for again",
            at.sequence
        ));
    }
    Plan::new("partition reseed", seen, steps, lost)
}

async fn reseed(
    stores: &Stores<'_>,
    seen: &Seen,
    from: &From,
    (by, why): (String, String),
) -> Result<Begun, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Failed, format!("the snapshot cannot be archived: {error}"))
    };
    let doors = stores.ports.archive.as_ref().ok_or_else(|| failed(&"nowhere to put it"))?;
    let partition = seen.partition;
    let (name, state) = match from {
        From::Archive(name, state) => (name.clone(), state.clone()),
        From::Redis(expected) => {
            let archiving = &stores.context.settings.bounds.archiving;
            let of = (partition, by.as_str());
            let archived = archive::archive(&stores.ports, doors, of, archiving).await;
            let (name, manifest) = archived.map_err(|error| failed(&error))?;
            let state = reading::state(&manifest).map_err(|error| failed(&error))?;
            if state != *expected {
                return Err(failed(&"it has changed meanwhile: somebody serves the partition"));
            }
            (name, state)
        }
    };
    let released = state.released;
    let begin = Begin {
        incarnation: seen.incarnation() + 1,
        previous: seen.journal.as_ref().and_then(|of| of.end.as_ref()).map(|(link, _)| *link),
        decided_at: state.decided_at.max(stores.ports.clock.now()),
        cursors: state.cursors,
        // Sequences may come again: nothing behind the journal's end has left.
        released: Released {
            up_to: released.up_to.min(seen.end().sequence),
            out: released.out.min(stores.out_end().await?),
            anchor: None,
            shown: None,
        },
    };
    let entry = Entry::Reseeded { archive: name, from: state.position(), by, why };
    stores.begin(partition, begin, entry).await
}

impl Stores<'_> {
    /// The last sequence of EARMARK_OUT.
    pub(super) async fn out_end(&self) -> Result<u64, Failure> {
        let stream = self.connections.control.get_stream(names::OUT).await;
        let stream =
            stream.map_err(|error| PortError::new("read the end of EARMARK_OUT", error))?;
        Ok(stream.cached_info().state.last_sequence)
    }
}
