//! Where the commands find letters, and write down what becomes of them.

use std::ops::ControlFlow;

use async_nats::jetstream::Context as Nats;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

use super::asking::Which;
use crate::{
    cli::Context,
    clock::SystemClock,
    config::checked,
    contract::{Limits, time},
    domain::time::Timestamp,
    error::{Exit, Failure},
    letters::{
        Close, Closed, Filter, Identity, Letter,
        groups::{By, Groups},
    },
    nats::{NatsLetters, audit, names, setup},
    ports::{Clock, Extent},
};

/// Letters beyond which a reader sees how far it has come.
const LONG: u64 = 2_000;
/// Events that one note closes.
const CLOSED_AT_ONCE: usize = 500;

/// What the commands work with.
pub struct Desk<'a> {
    pub context: &'a Context,
    pub nats: Nats,
    pub letters: NatsLetters,
    /// What events may look like, answered to whoever replays them.
    pub limits: Limits,
    pub now: Timestamp,
}

/// A letter that something is to be done with.
#[derive(Clone, Copy, Debug)]
pub struct Picked {
    pub event: Identity,
    /// Where its last letter stands.
    pub sequence: u64,
    /// The letters up to this one are meant, as far as they are of this event.
    pub through: u64,
}

/// What was seen while letters were read.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Passed {
    /// Letters that are closed.
    pub closed: u64,
    /// Messages that this version cannot read.
    pub unreadable: u64,
}

impl<'a> Desk<'a> {
    pub async fn open(context: &'a Context) -> Result<Desk<'a>, Failure> {
        let nats = context.connect("dlq").await?;
        setup::refuse_other_partitions(&nats, &context.settings.streams).await?;
        let letters = NatsLetters::new(nats.clone(), context.settings.reader.clone());
        // An operator's own settings need not permit what those of the pods do.
        let mut limits = context.settings.limits.clone();
        limits.reply_prefixes.push(names::REPLAY_REPLIES.to_owned());
        Ok(Desk { context, nats, letters, limits, now: SystemClock.now() })
    }

    pub fn settings(&self) -> &checked::DeadLetters {
        &self.context.settings.dead_letters
    }

    /// What is closed, of letters between these ends.
    pub async fn closed(&self, extent: &Extent) -> Result<Closed, Failure> {
        let mut closed = Closed::default();
        let created = time::format(extent.created);
        let each = |note: crate::nats::letters::Filed<'_>| {
            closed.note(note.payload, &created, extent.first);
        };
        self.letters.each_note(each).await?;
        Ok(closed)
    }

    /// Groups the open letters that are meant; the closed ones too, if that is wanted.
    pub async fn grouped(
        &self,
        by: By,
        filter: &Filter,
        with_closed: bool,
    ) -> Result<(Groups, Passed), Failure> {
        let extent = self.letters.extent().await?;
        let closed = self.closed(&extent).await?;
        let mut groups = Groups::new(by, self.settings().listed_max);
        let (mut passed, mut full) = (Passed::default(), false);
        let bar = bar(&extent);
        let read = self.letters.each(extent.last, |filed| {
            bar.set_position(filed.sequence.saturating_sub(extent.first));
            let Some(letter) = Letter::read(filed.payload) else {
                passed.unreadable += 1;
                return ControlFlow::Continue(());
            };
            let event = letter.identity();
            if !with_closed && closed.has(event, filed.sequence) {
                passed.closed += 1;
            } else if !filter.fits(&letter) {
                groups.forget(event);
            } else if !groups.take(filed.sequence, &letter) {
                full = true;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        read.await?;
        bar.finish_and_clear();
        if full {
            let events = groups.events();
            let text =
                format!("more than {events} events, or too many kinds of them, have letters");
            let action = "look at fewer with --since or another filter, group by another mark, or \
                          raise dead_letters.listed_max";
            return Err(Failure::new(Exit::Failed, text).advise(action));
        }
        Ok((groups, passed))
    }

    /// Picks what something is to be done with, in the order in which the log took it; and how many
    /// more there are.
    pub async fn pick(
        &self,
        which: &Which,
        filter: &Filter,
    ) -> Result<(Vec<Picked>, usize), Failure> {
        let max = which.max(self.settings())?;
        let through = self.letters.extent().await?.last;
        if !which.ids.is_empty() {
            return self.named(&which.ids, max, through).await;
        }
        let (groups, _) = self.grouped(By::None, filter, which.closed).await?;
        let events = groups.in_order();
        let more = events.len().saturating_sub(max);
        let picked = events.into_iter().take(max).map(|(event, of)| Picked {
            event,
            sequence: of.sequence,
            through,
        });
        Ok((picked.collect(), more))
    }

    async fn named(
        &self,
        ids: &[String],
        max: usize,
        through: u64,
    ) -> Result<(Vec<Picked>, usize), Failure> {
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            let (sequence, letter) = self.find(id).await?;
            found.push((letter.logged_at(), letter.sequence, sequence, letter.identity()));
        }
        found.sort();
        found.dedup_by_key(|(.., event)| *event);
        let more = found.len().saturating_sub(max);
        let picked = found.into_iter().take(max).map(|(_, _, sequence, event)| Picked {
            event,
            sequence,
            through,
        });
        Ok((picked.collect(), more))
    }

    /// A letter by its id or its sequence.
    pub async fn find(&self, id: &str) -> Result<(u64, Letter), Failure> {
        let unknown = || {
            let text = format!("EARMARK_DLQ has no letter {id:?}");
            let action = "`earmark dlq ls --group-by none` lists ids and sequences; letters are \
                          kept for streams.dlq_keep_s";
            Failure::new(Exit::Failed, text).advise(action)
        };
        if let Ok(sequence) = id.parse::<u64>() {
            return Ok((sequence, self.at(sequence).await?.ok_or_else(unknown)?));
        }
        let extent = self.letters.extent().await?;
        let (mut found, bar) = (None, bar(&extent));
        let read = self.letters.each(extent.last, |filed| {
            bar.set_position(filed.sequence.saturating_sub(extent.first));
            let letter = Letter::read(filed.payload).filter(|letter| letter.id == id);
            found = letter.map(|letter| (filed.sequence, letter));
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        read.await?;
        bar.finish_and_clear();
        found.ok_or_else(unknown)
    }

    /// The letter at a sequence.
    pub async fn at(&self, sequence: u64) -> Result<Option<Letter>, Failure> {
        let stored = self.letters.at(sequence).await?;
        stored.map_or(Ok(None), |(_, payload)| match Letter::read(&payload) {
            Some(letter) => Ok(Some(letter)),
            None => {
                let text = format!("the letter {sequence} cannot be read by this version");
                Err(Failure::new(Exit::Failed, text).advise("look at it with a newer version"))
            }
        })
    }

    /// The bytes of the event that a letter is about.
    pub async fn bytes(&self, letter: &Letter) -> Result<Vec<u8>, String> {
        if let Some(name) = &letter.object {
            let object = self.letters.object(name).await.map_err(|error| error.to_string())?;
            return object.ok_or_else(|| format!("EARMARK_OBJECTS has no object {name}"));
        }
        letter.payload().ok_or_else(|| "the letter has no bytes".to_owned())
    }

    /// Writes down what is done, or what came of it.
    pub async fn note(&self, what: &Value, closes: &[Close]) -> Result<(), Failure> {
        let created = time::format(self.letters.extent().await?.created);
        let mut chunks = closes.chunks(CLOSED_AT_ONCE);
        let mut closes = chunks.next().unwrap_or_default();
        loop {
            let mut note = what.clone();
            note["at"] = json!(time::format(SystemClock.now()));
            note["dlq_created"] = json!(created);
            note["closes"] = json!(closes);
            audit::write(&self.nats, names::AUDIT_DLQ, &note).await?;
            match chunks.next() {
                Some(more) => closes = more,
                None => return Ok(()),
            }
        }
    }
}

fn bar(extent: &Extent) -> ProgressBar {
    let letters = (extent.last + 1).saturating_sub(extent.first);
    if letters < LONG {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos} of {len} letters {wide_bar} {eta}");
    let bar = ProgressBar::new(letters);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}
