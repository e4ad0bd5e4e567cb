//! `earmark partition accept-loss`: goes on from the end of a journal that lost its tail.

use clap::Args;

use super::{
    Stores,
    change::{Begun, How, Plan},
    look::{Archives, Seen, look},
};
use crate::{
    error::{Exit, Failure},
    partition::{
        Begin, begin_incarnation,
        entry::Entry,
        record::{Header, Link, Released},
    },
    ports::{Partition, Position},
};

/// Go on from the end of a journal that lost acknowledged records, and accept that they are lost.
///
/// What they decided is decided anew, from the events that are still in EARMARK_IN; what had been
/// told of them may be contradicted. Effects get ids of a new incarnation. It is a dry run unless
/// --apply is given.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark partition accept-loss 3                              # what would be done, and lost
  earmark partition accept-loss 3 --apply --by ann --reason 'INC-17: disk of nats-1 was lost'")]
pub struct AcceptLoss {
    /// The partition.
    #[arg(value_name = "N")]
    partition: Partition,
    #[command(flatten)]
    how: How,
}

impl AcceptLoss {
    pub(super) async fn run(self, stores: &Stores<'_>, json: bool) -> Result<Exit, Failure> {
        stores.check(self.partition)?;
        let seen = look(stores, self.partition, Archives::Read).await?;
        let (link, header) = end_to_accept(&seen)?;
        let plan = plan(&seen);
        let act = async || {
            let (by, why) = (self.how.by()?, self.how.reason());
            let entry = Entry::LossAccepted { known: seen.known_to(), by, why };
            accept(stores, &seen, (link, header), entry).await
        };
        self.how.carry_out(stores, plan, json, act).await
    }
}

/// The end of a journal that lost something, and can be folded to there.
fn end_to_accept(seen: &Seen) -> Result<(Link, Header), Failure> {
    let partition = seen.partition;
    let refuse = |text: String, advice: String| Failure::new(Exit::Failed, text).advise(advice);
    if seen.can_be_served {
        let text = format!("partition {partition} lost nothing: it can be served");
        let show = format!("`earmark partition show {partition}` shows what each store has");
        return Err(refuse(text, show));
    }
    let why = seen.why.clone().unwrap_or_default();
    if !seen.can_be_written {
        return Err(refuse(why, seen.advice.join("; ")));
    }
    let end = seen.journal.as_ref().and_then(|journal| journal.end.as_ref());
    if let Some(broken) = &seen.broken {
        let advice = format!("`earmark partition reseed {partition}` begins anew from a snapshot");
        return Err(refuse(format!("{broken}; the journal cannot be folded to its end"), advice));
    }
    match (end, seen.base()) {
        (Some((link, record)), Some(_)) => Ok((*link, record.header.clone())),
        (Some(_), None) => Err(refuse(
            format!("{why}; nothing that fits the journal is left to fold it from"),
            format!("`earmark partition reseed {partition}` begins anew from a snapshot"),
        )),
        (None, _) => {
            Err(refuse(format!("{why}; there is no journal to go on from"), seen.advice.join("; ")))
        }
    }
}

fn plan(seen: &Seen) -> Plan {
    let (end_at, incarnation) = (seen.end(), seen.incarnation() + 1);
    let end = end_at.sequence;
    let mut steps = vec![
        format!("write to EARMARK_AUDIT who does this, and why"),
        format!("append a record behind {end} that begins incarnation {incarnation}"),
    ];
    if let Some(at) = seen.committed.filter(|at| *at > end_at) {
        let at = at.sequence;
        steps.push(format!("set Redis' mark of what is committed from {at} to that record"));
    }
    let snapshot = seen.snapshot.as_ref().filter(|snapshot| !snapshot.fits);
    if let (Some(snapshot), Some(base)) = (snapshot, seen.base()) {
        let at = snapshot.position.sequence;
        steps.push(format!("the next owner replaces Redis' snapshot at {at}, from {base}"));
    }
    let mut lost = vec![seen.lost_behind(end_at)];
    if seen.told.is_some_and(|told| told > end) {
        lost.push("outcomes or commands of these had left, and may be contradicted".to_owned());
    }
    Plan::new("partition accept-loss", seen, steps, lost)
}

async fn accept(
    stores: &Stores<'_>,
    seen: &Seen,
    (link, last): (Link, Header),
    entry: Entry,
) -> Result<Begun, Failure> {
    let out = stores.out_end().await?;
    let released = last.released;
    let begin = Begin {
        incarnation: seen.incarnation() + 1,
        previous: Some(link),
        decided_at: last.decided_at.max(stores.ports.clock.now()),
        cursors: last.cursors,
        // What left is looked up anew, by the ids of its own incarnation.
        released: Released { out: released.out.min(out), anchor: None, shown: None, ..released },
    };
    stores.begin(seen.partition, begin, entry).await
}

impl Stores<'_> {
    /// Appends the record, and lets Redis know of it if it can be told.
    pub(super) async fn begin(
        &self,
        partition: Partition,
        begin: Begin,
        entry: Entry,
    ) -> Result<Begun, Failure> {
        let (ports, partitions) = (&self.ports, self.partitions());
        let incarnation = begin.incarnation;
        let batch = ports.clock.unique();
        let of = (partition, partitions);
        let appended = begin_incarnation(&*ports.journal, of, batch, begin, &entry).await;
        let record = appended.map_err(|why| {
            Failure::new(Exit::Failed, why).advise("look at the partition again, and try again")
        })?;
        let position = Position { incarnation, sequence: record };
        // The record is what counts: the next owner writes the mark with its first record.
        let noted = ports.snapshots.note_committed(partition, position).await;
        let warning = noted
            .err()
            .map(|error| format!("the record is appended, but Redis was not told of it: {error}"));
        Ok(Begun { record, warning })
    }
}
