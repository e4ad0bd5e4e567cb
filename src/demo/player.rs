//! Plays the day on a directory, from wherever it was left: the process that is killed.
//!
//! What the log has is what has been published; what was said is in the log of outcomes. Both are
//! read, the day's people are told the same again up to there, and it goes on with the next
//! message.

use std::{
    collections::HashMap,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix::{Actor, Addr};
use futures::StreamExt;
use tokio::time::Instant;

use super::{
    Line, Plan, Progress, audit::audit, day::Phase, event::Message, report::Day, shop::Shop,
    told::Told,
};
use crate::{
    app,
    config::{self, Settings},
    contract::time,
    domain::time::Timestamp,
    embedded::{Embedded, EmbeddedPublisher, Options, Shelf},
    error::{Exit, Failure},
    hosted::{SetClock, settled},
    ports::{Inbox, Partition, Publisher},
    supervisor::{Leave, Supervisor},
};

/// The store's partitions.
const PARTITIONS: Partition = 8;
/// How often it is looked whether there is anything new, in all places.
const EVERY: Duration = Duration::from_millis(10);
/// Messages that are published together.
const TOGETHER: usize = 64;
/// Messages that wait for their answers; then publishing waits too.
const UNANSWERED_MAX: usize = 512;
/// Nobody waits longer for an answer: some of what is published gets none.
const PATIENCE: Duration = Duration::from_millis(200);
/// How often the conductor is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// For how long a directory may still be another process's that has just been killed.
const FREE_WITHIN: Duration = Duration::from_secs(5);
/// Outcomes that are read at a time.
const PAGE: usize = 4_096;
/// The file in the directory that says what day it has.
const PLAN: &str = "demo.json";

/// Plays, tells the conductor on standard output, and ends when nobody is there any more.
pub fn play(plan: Plan, dir: PathBuf) -> Result<ExitCode, Failure> {
    std::thread::spawn(|| {
        // The other end is closed when the conductor dies, however it dies.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(Exit::Failed as i32);
    });
    app::system().block_on(async move {
        let over = Player::begin(plan, &dir).await?.play().await?;
        tell(&Line::Over(Box::new(over)));
        Ok(Exit::Done.into())
    })
}

fn tell(line: &Line) {
    let text = serde_json::to_string(line).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    // A conductor that is gone ends this process anyway.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Remembers what day a directory has; refuses another.
pub fn claim(plan: Plan, dir: &Path) -> Result<(), Failure> {
    let file = dir.join(PLAN);
    let failed = |error| Failure::new(Exit::Failed, format!("{}: {error}", file.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    match std::fs::read(&file) {
        Ok(bytes) => match serde_json::from_slice::<Plan>(&bytes) {
            Ok(known) if known == plan => Ok(()),
            Ok(Plan { events, skus, seed }) => {
                let text = format!("{} has another day in it", dir.display());
                let action = format!(
                    "go on with --events {events} --skus {skus} --seed {seed}, or name another \
                     directory"
                );
                Err(Failure::new(Exit::Usage, text).advise(action))
            }
            Err(error) => {
                let text = format!("{}: {error}", file.display());
                Err(Failure::new(Exit::Failed, text).advise("name another directory"))
            }
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let empty = std::fs::read_dir(dir).map_err(failed)?.next().is_none();
            if !empty {
                let text = format!("{} has something else in it", dir.display());
                let action = "name a directory that is empty, or not there yet";
                return Err(Failure::new(Exit::Usage, text).advise(action));
            }
            let bytes = serde_json::to_vec(&plan).unwrap_or_default();
            std::fs::write(&file, bytes).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

struct Player {
    clock: SetClock,
    store: Embedded,
    settings: Settings,
    publisher: EmbeddedPublisher,
    inbox: Inbox,
    shop: Shop,
    /// Messages that the log has.
    published: u64,
    /// Messages that the shop has come up with; up to `published` the log has them already.
    invented: u64,
    outcomes: Outcomes,
    supervisor: Option<Addr<Supervisor>>,
    waiting: HashMap<String, Instant>,
    progress: Progress,
    playing: Duration,
    told_at: Instant,
}

impl Player {
    async fn begin(plan: Plan, dir: &Path) -> Result<Player, Failure> {
        let clock = SetClock::default();
        clock.set(Phase(0).at());
        let options =
            Options { clock: Arc::new(clock.clone()), drained_every: EVERY, ..Options::default() };
        let store = open(dir, options).await?;
        app::set_up(&store, dir, PARTITIONS).await?;
        let publisher = EmbeddedPublisher::new(store.clone(), PARTITIONS);
        Ok(Player {
            settings: settings()?,
            inbox: publisher.inbox().await?,
            publisher,
            shop: Shop::new(plan),
            published: store.end(Shelf::Events).await?,
            invented: 0,
            outcomes: Outcomes::default(),
            supervisor: None,
            waiting: HashMap::new(),
            progress: Progress::default(),
            playing: Duration::ZERO,
            told_at: Instant::now(),
            clock,
            store,
        })
    }

    async fn play(mut self) -> Result<Day, Failure> {
        let mut before = Phase(0);
        for phase in Phase::all() {
            self.progress.at = phase.clock_face();
            if self.invented >= self.published {
                // Everything up to here is in the log; the last of it may not have been decided.
                self.go_on(before).await?;
            }
            let told = self.outcomes.before(&self.store, phase.at()).await?;
            let messages = self.shop.messages(phase, told);
            let known = (self.published - self.invented.min(self.published)) as usize;
            self.invented += messages.len() as u64;
            if known < messages.len() || self.supervisor.is_some() {
                self.go_on(phase).await?;
                let new = messages.into_iter().skip(known).collect();
                self.publish(new).await?;
                self.settle(phase).await?;
            }
            before = phase;
        }
        self.go_on(before).await?;
        self.say("the pod leaves");
        if let Some(supervisor) = self.supervisor.take() {
            let _ = supervisor.send(Leave).await;
        }
        self.say("everything is checked");
        audit(&self.store, PARTITIONS, before.at()).await
    }

    /// Sets the clock, starts the pod if it does not run, and waits until all deadlines are given.
    async fn go_on(&mut self, phase: Phase) -> Result<(), Failure> {
        self.clock.set(phase.at());
        if self.supervisor.is_none() {
            self.say("the pod starts");
            let plan = app::plan(&self.settings, app::embedded(&self.store));
            self.supervisor = Some(Supervisor::new(plan).start());
        }
        self.settle(phase).await
    }

    async fn settle(&mut self, phase: Phase) -> Result<(), Failure> {
        let Some(supervisor) = self.supervisor.clone() else { return Ok(()) };
        let began = Instant::now();
        let store = self.store.clone();
        let settled = settled(&store, &supervisor, phase.at());
        tokio::pin!(settled);
        loop {
            tokio::select! {
                done = &mut settled => { done?; break }
                answer = self.inbox.answers.next() => self.answered(answer),
            }
        }
        self.waiting.clear();
        self.playing += began.elapsed();
        self.say("shoppers come and go");
        Ok(())
    }

    async fn publish(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        let began = Instant::now();
        let mut messages = messages.into_iter();
        loop {
            let some: Vec<Message> = messages.by_ref().take(TOGETHER).collect();
            if some.is_empty() {
                break;
            }
            self.publish_some(some).await?;
            while self.waiting.len() > UNANSWERED_MAX {
                let answer = tokio::time::timeout(PATIENCE, self.inbox.answers.next());
                match answer.await {
                    Ok(answer) => self.answered(answer),
                    Err(_) => self.waiting.clear(),
                }
            }
            self.progress.playing_ms = (self.playing + began.elapsed()).as_millis() as u64;
            self.tell_if_due();
        }
        self.playing += began.elapsed();
        Ok(())
    }

    async fn publish_some(&mut self, messages: Vec<Message>) -> Result<(), Failure> {
        let now = Instant::now();
        let mut events = Vec::with_capacity(messages.len());
        for (nth, message) in (self.published..).zip(messages) {
            let reply_to = format!("{}{nth}", self.inbox.prefix);
            if message.is_answered() {
                self.waiting.insert(reply_to.clone(), now);
            }
            events.push(message.addressed(reply_to));
        }
        self.published += events.len() as u64;
        let published = self.publisher.publish_all(events).await;
        published.map(drop).map_err(|error| Failure::new(Exit::Failed, error))
    }

    fn answered(&mut self, answer: Option<(String, bytes::Bytes)>) {
        let Some((to, _)) = answer else { return };
        self.progress.decided += 1;
        if let Some(since) = self.waiting.remove(&to) {
            let took = u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX);
            self.progress.answered_us.push(took);
        }
        self.tell_if_due();
    }

    fn say(&mut self, doing: &str) {
        doing.clone_into(&mut self.progress.doing);
        self.progress.playing_ms = self.playing.as_millis() as u64;
        self.tell();
    }

    fn tell_if_due(&mut self) {
        if self.told_at.elapsed() >= TELL_EVERY {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.told_at = Instant::now();
        self.progress.published = self.published;
        tell(&Line::Progress(self.progress.clone()));
        self.progress.answered_us.clear();
    }
}

/// Opens the store; a process that has just been killed may have it a little longer.
async fn open(dir: &Path, options: Options) -> Result<Embedded, Failure> {
    let until = Instant::now() + FREE_WITHIN;
    loop {
        match Embedded::open_with(dir, options.clone()) {
            Ok(store) => return Ok(store),
            Err(error) if Instant::now() >= until => return Err(Failure::new(Exit::Failed, error)),
            Err(_) => tokio::time::sleep(EVERY).await,
        }
    }
}

/// The built-in settings, whatever the machine's environment says; in a hurry.
fn settings() -> Result<Settings, Failure> {
    let mut settings = config::load_from(None, HashMap::new())?;
    settings.streams.partitions = PARTITIONS;
    settings.bounds.tick = EVERY;
    settings.bounds.cold_due_interval = EVERY * 2;
    settings.engine.pod = Some("demo".to_owned());
    Ok(settings)
}

/// The log of outcomes, as the shop reads it.
#[derive(Default)]
struct Outcomes {
    after: u64,
    /// What was said and not told yet.
    next: Vec<(Timestamp, Told)>,
}

impl Outcomes {
    /// What was decided before a time, and not told yet.
    async fn before(&mut self, store: &Embedded, at: Timestamp) -> Result<Vec<Told>, Failure> {
        loop {
            let page = store.page(Shelf::Outcomes, self.after, PAGE).await?;
            let Some(last) = page.last() else { break };
            self.after = last.sequence;
            let read = page.iter().filter_map(Told::read);
            self.next.extend(read.filter_map(|told| Some((time::parse(&told.time)?, told))));
        }
        let (now, later) = std::mem::take(&mut self.next).into_iter().partition(|(of, _)| *of < at);
        self.next = later;
        let now: Vec<(Timestamp, Told)> = now;
        Ok(now.into_iter().map(|(_, told)| told).collect())
    }
}
