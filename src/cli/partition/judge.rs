//! Whether what was seen of a partition fits together, by the rule that recovery goes by, and what
//! can be done where it does not.

use super::look::{Journal, Seen};
use crate::{
    partition::{
        record::{Header, Link},
        verdict::{self, Base, Begins, Fits},
    },
    ports::{Partition, Position},
};

/// From what a partition comes back, or why it does not; and what can be done.
type Judged = (Result<String, String>, Vec<String>);

/// Says of a partition of so many whether it can be served, and what can be done.
pub fn judge(seen: &mut Seen, partitions: Partition) {
    let end = seen.journal.as_ref().map(|journal| (journal, &journal.end));
    let others = |header| verdict::of_others(header, seen.partition, partitions);
    let (can_be_written, (judged, advice)) = match end {
        None => (true, without_journal(seen)),
        Some((journal, None)) => {
            let why = format!("this version cannot read the journal's record {}", journal.last);
            (false, (Err(why), vec!["use the version that wrote it".to_owned()]))
        }
        Some((journal, Some((_, end)))) => match others(&end.header) {
            Some(why) => (false, (Err(why), vec![of_others(&end.header)])),
            None => (true, with_journal(seen, journal)),
        },
    };
    (seen.can_be_served, seen.can_be_written) = (judged.is_ok(), can_be_written);
    seen.advice = advice;
    match judged {
        Ok(from) => seen.comes_back_from = Some(from),
        Err(why) => seen.why = Some(why),
    }
}

fn without_journal(seen: &Seen) -> Judged {
    let partition = seen.partition;
    let Some(known) = seen.known().max() else {
        let why = "the journal has no first record".to_owned();
        return (Err(why), vec!["`earmark setup` writes it".to_owned()]);
    };
    let why = format!(
        "the journal is empty, and record {} is known to be committed: JetStream lost acknowledged \
         writes",
        known.sequence
    );
    let advice = match seen.newest_kept() {
        Some(_) => vec![reseed(partition)],
        None => vec![
            "no snapshot is left: `earmark setup` writes a first record".to_owned(),
            format!(
                "then `earmark partition accept-loss {partition}` goes on from it, and decides \
                 anew what is still in EARMARK_IN"
            ),
        ],
    };
    (Err(why), advice)
}

fn with_journal(seen: &Seen, journal: &Journal) -> Judged {
    let partition = seen.partition;
    let end = Position { incarnation: journal.incarnation, sequence: journal.last };
    let base = verdict::base(seen.known(), (journal.begins, end), seen.fits());
    let why = match (base, &seen.broken) {
        (Ok(base), None) => return (Ok(seen.name(base)), Vec::new()),
        (Ok(_), Some(broken)) => broken.clone(),
        (Err(why), _) => why,
    };
    let kept = seen.newest_kept();
    let mut advice: Vec<String> = kept.map(|_| reseed(partition)).into_iter().collect();
    if seen.base().is_some() && seen.broken.is_none() {
        let keeps_more = kept.is_none_or(|kept| kept < end);
        let accept = format!(
            "`earmark partition accept-loss {partition}` goes on from the journal's end, {}, and \
             decides anew what came after it",
            journal.last
        );
        advice.insert(if keeps_more { 0 } else { advice.len() }, accept);
    }
    (Err(why), advice)
}

fn reseed(partition: Partition) -> String {
    format!(
        "`earmark partition reseed {partition}` begins anew from the newest snapshot that is left"
    )
}

fn of_others(header: &Header) -> String {
    format!(
        "set streams.partitions to {}, if `earmark setup` was run with it; otherwise restore \
         EARMARK_JOURNAL from a backup",
        header.partitions
    )
}

impl Seen {
    /// All positions that are known to have been committed.
    pub fn known(&self) -> impl Iterator<Item = Position> + Clone {
        let snapshot = self.snapshot.as_ref().map(|snapshot| snapshot.position);
        let incarnation = self.journal.as_ref().map_or(0, |journal| journal.incarnation);
        let told = self.told.map(|sequence| Position { incarnation, sequence });
        let archives = self.archives.iter().map(|archive| archive.position);
        [self.committed, snapshot, told].into_iter().flatten().chain(archives)
    }

    /// The highest incarnation that anybody knows of.
    pub fn incarnation(&self) -> u64 {
        self.known_to().incarnation
    }

    /// The last record of the journal.
    pub fn end(&self) -> Position {
        let end = |journal: &Journal| (journal.incarnation, journal.last);
        let (incarnation, sequence) = self.journal.as_ref().map_or((0, 0), end);
        Position { incarnation, sequence }
    }

    /// The highest record of the newest incarnation that is known to have been committed.
    pub fn known_to(&self) -> Position {
        self.known().fold(self.end(), Position::max)
    }

    /// What a command says is lost of the records behind a position.
    pub fn lost_behind(&self, at: Position) -> String {
        let known = self.known_to();
        let which = match known.incarnation == at.incarnation {
            true => format!("behind {}, up to {}", at.sequence, known.sequence),
            false => format!(
                "that are not in the journal, up to {} of incarnation {}",
                known.sequence, known.incarnation
            ),
        };
        format!(
            "the decisions of the partition's records {which}: events that are still in EARMARK_IN \
             are decided anew, maybe otherwise; others are gone"
        )
    }

    fn fits(&self) -> Fits {
        Fits {
            snapshot: self.snapshot.as_ref().is_some_and(|snapshot| snapshot.fits),
            archive: self.archives.iter().any(|archive| archive.fits),
        }
    }

    /// Where the newest snapshot stands that can be read, in Redis or archived.
    fn newest_kept(&self) -> Option<Position> {
        let snapshot = self.snapshot.as_ref().filter(|snapshot| snapshot.state.is_some());
        let archives = self.archives.iter().filter(|archive| archive.manifest.is_some());
        let archived = archives.map(|archive| archive.position);
        snapshot.map(|snapshot| snapshot.position).into_iter().chain(archived).max()
    }

    /// The record that a fold would begin behind; none from the journal's beginning.
    pub fn base_link(&self) -> Option<Link> {
        let snapshot = self.snapshot.as_ref().filter(|snapshot| snapshot.fits);
        let state = snapshot.and_then(|snapshot| snapshot.state.as_ref()).map(|state| state.last);
        let archive = self.archives.iter().find(|archive| archive.fits);
        let archived = archive.and_then(|archive| Some(archive.manifest.as_ref()?.link));
        state.or(archived).or(self.journal.as_ref().and_then(|journal| journal.begins_behind))
    }

    /// What a fold of the journal could begin with, whatever it has lost.
    pub fn base(&self) -> Option<String> {
        let begins = self.journal.as_ref()?.begins;
        let base = match self.fits() {
            Fits { snapshot: true, .. } => Base::Snapshot,
            Fits { archive: true, .. } => Base::Archive,
            Fits { .. } if begins.is_a_beginning() => Base::Beginning,
            Fits { .. } => return None,
        };
        Some(self.name(base))
    }

    fn name(&self, base: Base) -> String {
        let snapshot = self.snapshot.as_ref().map(|snapshot| snapshot.position.sequence);
        let archive = self.archives.iter().find(|archive| archive.fits);
        let archive = archive.map(|archive| archive.position.sequence);
        let begins = self.journal.as_ref().map(|journal| journal.begins);
        match base {
            Base::Snapshot => format!("the snapshot in Redis at {}", snapshot.unwrap_or(0)),
            Base::Archive => format!("the archive at {}", archive.unwrap_or(0)),
            Base::Beginning => match begins {
                Some(Begins::Reseeded(at)) => {
                    format!("the archive that the journal's record {} names", at.sequence)
                }
                begins => {
                    let first = begins.map_or(0, |begins| begins.at().sequence);
                    format!("the journal's first record, {first}")
                }
            },
        }
    }
}
