//! `earmark dlq replay`: publishes the events of dead letters again, within bounds.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    asking::{How, Which, within},
    came::{Came, answer, came, publish},
    desk::Desk,
    late::allow,
    trying::{Correction, Ready, Tried, ready, try_all},
};
use crate::{
    cli::print,
    clock::SystemClock,
    cluster,
    contract::time,
    domain::Level,
    error::{Exit, Failure},
    letters::{Close, correct::Set, forecast::Copies},
    nats::{NatsJournal, NatsLeases, NatsPublisher, NatsShelf, names},
    ports::{Clock, NewEvent},
};

/// How often it is looked whether safe mode allows more.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Publish the events of dead letters again, as they are or corrected, and wait for what is
/// decided.
///
/// It is a dry run unless --apply is given: it says what would come of each event, tried on a copy
/// of its SKU or order that is folded from the journal. Events keep their `source` and `id`: one
/// that was decided before is answered as the first time and changes nothing. They are published in
/// the order in which the log first took them, one after another. At level 2 of safe mode and above
/// nothing is replayed. What is decided closes the letter; what fails stays open.
///
/// What the catalogue says is corrected first needs --set or --edit. An event that is `stale` is
/// let through by --allow-stale, if its letter is named and the journal tells that it did not take
/// effect before; one whose `time` was wrong is to be corrected.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark dlq replay 17 --set data.quantity=3
  earmark dlq replay 17 --set data.quantity=3 --apply --by ann --why 'INC-17: typed -3'
  earmark dlq replay --reason orphan --since 6h --rate 50 --apply --by ann --why 'INC-17'
  earmark dlq replay 21 --allow-stale --apply --by ann --why 'INC-18: the scanner was offline'")]
pub struct Replay {
    #[command(flatten)]
    which: Which,
    /// The corrected event, whole, for one letter: CloudEvents JSON.
    #[arg(long, value_name = "FILE", visible_alias = "payload")]
    edit: Option<PathBuf>,
    /// Set a field of each event: PATH=VALUE, VALUE in JSON or else as text.
    #[arg(long, value_name = "PATH=VALUE", conflicts_with = "edit")]
    set: Vec<Set>,
    /// Have the letters that are named, and are `stale`, decided however late they are.
    #[arg(long, requires = "ids")]
    allow_stale: bool,
    /// Events a second. By default dead_letters.replay_rate.
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    #[command(flatten)]
    how: How,
}

#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    tried: Tried,
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<Came>,
}

#[derive(Serialize)]
struct Told {
    applied: bool,
    events: Vec<Line>,
    /// Further ones that are meant, beyond --max.
    more: usize,
    /// Why it ended before its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
}

impl Replay {
    pub(super) async fn run(self, desk: &Desk<'_>) -> Result<Exit, Failure> {
        let mut filter = self.which.filter(desk.now)?;
        let rate = self.rate(desk)?;
        let who = if self.how.apply { Some(self.how.said()?) } else { None };
        let oldest = desk.now - desk.settings().replay_age_max;
        if let Some(since) = filter.since.filter(|since| *since < oldest) {
            let (since, oldest) = (time::format(since), time::format(oldest));
            let text = format!("--since: found {since}, expected {oldest} or later");
            let action = "name a later time, or raise dead_letters.replay_age_max_s";
            return Err(Failure::new(Exit::Usage, text).advise(action));
        }
        // Older ones would take the place of those that may be replayed.
        filter.since = filter.since.or(Some(oldest));
        refuse_in_safe_mode(desk).await?;
        let (picked, more) = desk.pick(&self.which, &filter).await?;
        let correction = self.correction(picked.len())?;
        let settings = &desk.context.settings;
        let page = settings.engine.journal_page_bytes;
        let journal = NatsJournal::new(desk.nats.clone(), settings.reader.clone(), page);
        let shelf = NatsShelf::new(desk.nats.clone(), settings.reader.clone());
        let partitions = settings.streams.partitions;
        let mut copies =
            Copies::new(&journal, &shelf, partitions, &settings.policy, &settings.limits);
        let tried = try_all(desk, &mut copies, &picked, &correction).await?;
        let mut told = match who {
            None => {
                let events = tried.into_iter().map(|tried| Line { tried, came: None });
                Told { applied: false, events: events.collect(), more, stopped: None }
            }
            Some((by, why)) => {
                let run = Run { desk, journal: &journal, correction: &correction, by, why, rate };
                run.all(tried).await?
            }
        };
        told.more = more;
        match desk.context.json {
            true => print::json(&told),
            false => told.tell(),
        }
        Ok(told.exit())
    }

    fn rate(&self, desk: &Desk<'_>) -> Result<u32, Failure> {
        let settings = desk.settings();
        let rate = self.rate.unwrap_or(settings.replay_rate);
        let most = settings.replay_rate_max;
        within("--rate", rate.into(), most.into(), "dead_letters.replay_rate_max").map(|()| rate)
    }

    fn correction(&self, events: usize) -> Result<Correction, Failure> {
        let payload = match &self.edit {
            None => None,
            Some(_) if events != 1 => {
                let text = format!("--edit is for one event, and {events} are meant");
                let action = "name one letter; --set corrects many";
                return Err(Failure::new(Exit::Usage, text).advise(action));
            }
            Some(file) => Some(std::fs::read(file).map_err(|error| {
                let text = format!("--edit: {}: {error}", file.display());
                Failure::new(Exit::Usage, text).advise("name a file that has the corrected event")
            })?),
        };
        Ok(Correction { payload, sets: self.set.clone(), allow_stale: self.allow_stale })
    }
}

/// Refuses while the shop sheds load: what an operator ordered counts, or else the worst of what
/// the pods say of themselves.
async fn refuse_in_safe_mode(desk: &Desk<'_>) -> Result<(), Failure> {
    let (level, whose) = level(desk).await?;
    if level < Level::CartsBusy {
        return Ok(());
    }
    let (number, meaning) = (level.number(), level.meaning());
    let text = format!("safe mode is at level {number} ({whose}): {meaning}; nothing is replayed");
    Err(Failure::new(Exit::Failed, text).advise("replay it once the level is below 2"))
}

async fn level(desk: &Desk<'_>) -> Result<(Level, &'static str), Failure> {
    let leases = NatsLeases::new(desk.nats.clone());
    let view = cluster::look(&leases, desk.context.settings.streams.partitions).await?;
    let orders = view.orders(SystemClock.now());
    let own = view.members().map(|member| member.level).max().unwrap_or_default();
    let why = if orders.ordered.is_some() { "an operator ordered it" } else { "a pod says so" };
    Ok((orders.level(own), why))
}

/// A replay under way.
struct Run<'a> {
    desk: &'a Desk<'a>,
    journal: &'a NatsJournal,
    correction: &'a Correction,
    by: String,
    why: String,
    rate: u32,
}

impl Run<'_> {
    async fn all(&self, tried: Vec<Tried>) -> Result<Told, Failure> {
        let ids: Vec<&str> = tried.iter().map(|tried| tried.id.as_str()).collect();
        let sets: Vec<String> = self.correction.sets.iter().map(Set::said).collect();
        let edit = self.correction.payload.as_deref().map(String::from_utf8_lossy);
        let begins = json!({
            "phase": "begins", "letters": ids, "set": sets, "edit": edit, "rate": self.rate,
            "allow_stale": self.correction.allow_stale,
        });
        if !tried.is_empty() {
            self.note(begins, &[]).await?;
        }
        let publisher = NatsPublisher::new(self.desk.nats.clone());
        let client = self.desk.nats.client();
        let replies = format!("{}{:032x}.", names::REPLAY_REPLIES, rand::random::<u128>());
        let mut answers = client.subscribe(format!("{replies}*")).await.map_err(unheard)?;
        client.flush().await.map_err(unheard)?;
        let (mut events, mut stopped) = (Vec::with_capacity(tried.len()), None);
        let (mut next, mut looked) = (Instant::now(), Instant::now());
        let mut unanswered: BTreeSet<String> = BTreeSet::new();
        for (number, tried) in tried.into_iter().enumerate() {
            if stopped.is_none() && looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                stopped = refuse_in_safe_mode(self.desk).await.err().map(|why| why.error);
            }
            let behind = tried.entity.as_ref().is_some_and(|entity| unanswered.contains(entity));
            let skipped = match (&stopped, &tried.held_back) {
                (Some(why), _) | (None, Some(why)) => Some(why.clone()),
                (None, None) if behind => Some("an earlier event of it was not decided".to_owned()),
                (None, None) => None,
            };
            let came = match skipped {
                Some(why) => Came { why: Some(why), ..Came::of("skipped") },
                None => {
                    sleep_until(next).await;
                    next = Instant::now() + Duration::from_secs(1) / self.rate;
                    let subject = format!("{replies}{number}");
                    self.one(&tried, &publisher, &subject, &mut answers).await?
                }
            };
            if !came.closed && came.result != "skipped" {
                unanswered.extend(tried.entity.clone());
            }
            events.push(Line { tried, came: Some(came) });
        }
        let closed = events.iter().filter(|line| line.is_closed()).count();
        let done = json!({"phase": "done", "events": events.len(), "closed": closed});
        if !events.is_empty() {
            self.note(done, &[]).await?;
        }
        Ok(Told { applied: true, events, more: 0, stopped })
    }

    async fn one(
        &self,
        tried: &Tried,
        publisher: &NatsPublisher,
        subject: &str,
        answers: &mut async_nats::Subscriber,
    ) -> Result<Came, Failure> {
        let Some(letter) = self.desk.at(tried.dlq_sequence).await? else {
            return Ok(Came { why: Some("the letter is gone".to_owned()), ..Came::of("skipped") });
        };
        let Ready { decoded, payload } =
            match ready(self.desk, &letter, self.correction, subject).await {
                Ok(ready) => ready,
                Err(why) => return Ok(Came { why: Some(why), ..Came::of("skipped") }),
            };
        if tried.late
            && let Err(why) = allow(self.desk, self.journal, &decoded, &self.by, &self.why).await
        {
            return Ok(Came { why: Some(why), ..Came::of("skipped") });
        }
        let deadline = Instant::now() + self.desk.settings().decided_within;
        let event = NewEvent { lane: decoded.lane, key: decoded.key, payload: payload.into() };
        let sequence = publish(publisher, event, deadline).await;
        let came = match &sequence {
            Err(why) => Came { why: Some(why.clone()), ..Came::of("unanswered") },
            Ok(_) => came(answer(answers, subject, deadline).await),
        };
        let closes = Close { event: tried.picked.event.to_string(), through: tried.picked.through };
        let closes = if came.closed { vec![closes] } else { Vec::new() };
        let what = json!({
            "phase": "event", "letter": tried.id, "event_source": tried.event_source,
            "event_id": tried.event_id, "event_type": tried.event_type, "entity": tried.entity,
            "sequence": sequence.ok(), "result": came.result, "answer": came.answer,
            "why": came.why,
        });
        self.note(what, &closes).await?;
        Ok(came)
    }

    async fn note(&self, mut what: Value, closes: &[Close]) -> Result<(), Failure> {
        what["command"] = json!("dlq replay");
        (what["by"], what["reason"]) = (json!(self.by), json!(self.why));
        self.desk.note(&what, closes).await
    }
}

fn unheard(error: impl std::fmt::Display) -> Failure {
    Failure::unreachable(format!("listen for answers: {error}"))
}

impl Line {
    fn is_closed(&self) -> bool {
        self.came.as_ref().is_some_and(|came| came.closed)
    }
}

impl Told {
    fn exit(&self) -> Exit {
        let all = self.events.iter().all(Line::is_closed);
        if self.applied && !all { Exit::Failed } else { Exit::Done }
    }

    fn tell(&self) {
        let mut table =
            print::table(&["letter", "event", "key", "what comes of it", "before", "after"]);
        for Line { tried, came } in &self.events {
            let of = tried.forecast.as_ref();
            let said = match (came, &tried.held_back, of) {
                (Some(came), ..) => {
                    let why = came.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                    format!("{}{why}", came.result)
                }
                (None, Some(why), _) => format!("stays: {why}"),
                (None, None, Some(of)) => of.in_words(),
                (None, None, None) => "-".to_owned(),
            };
            let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            table.add_row([
                tried.dlq_sequence.to_string(),
                or_dash(&tried.event_id),
                or_dash(&tried.entity),
                said,
                of.map(|of| of.figures(&of.before)).unwrap_or_default(),
                of.map(|of| of.figures(&of.after)).unwrap_or_default(),
            ]);
        }
        print::line(table);
        let closed = self.events.iter().filter(|line| line.is_closed()).count();
        match self.applied {
            true => print::line(format!("{closed} of {} are done with", self.events.len())),
            false => {
                let would = self.events.iter().filter(|line| line.tried.held_back.is_none());
                print::line(format!(
                    "{} of {} would be published; nothing was. --apply --by NAME --why TEXT does it",
                    would.count(),
                    self.events.len()
                ));
            }
        }
        if let Some(why) = &self.stopped {
            print::line(format!("it was stopped: {why}"));
        }
        if self.more > 0 {
            print::line(format!("{} more are meant; --max takes more at a time", self.more));
        }
    }
}
