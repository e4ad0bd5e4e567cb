//! The outbox port: effects go into logs that others read, answers to whoever waits for them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use redb::{ReadableTable, WriteTransaction};
use tokio::sync::mpsc;

use super::{
    Embedded,
    store::{Writing, lock},
    tables::{
        AVAILABILITY, COMMANDS, IDS, Kept, LETTERS, Log, OBJECTS, OUT, commands_waiting, existing,
        next_sequence,
    },
};
use crate::ports::{Outbox, Outgoing, Outlet, PortError, SendError, Sent, Source};

/// The largest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 8 << 20;
/// What the subject of a command begins with; its partition follows.
const COMMAND_SUBJECT: &str = "earmark.cmd.";

/// Who waits for answers, by the subject where, or by all of it but the last token.
#[derive(Clone, Default)]
pub struct Answers(Arc<Mutex<HashMap<String, mpsc::Sender<Answer>>>>);

/// An answer, and the subject that it was sent to.
pub type Answer = (String, Bytes);

/// Answers that an [`Answers::wait`] may hold unread.
const UNREAD_MAX: usize = 65_536;

impl Answers {
    /// Waits for answers at a subject, or at any of one token more if it ends in a dot; until the
    /// receiver is dropped.
    pub fn wait(&self, subject: &str) -> mpsc::Receiver<Answer> {
        let (tell, answers) = mpsc::channel(UNREAD_MAX);
        let mut waiting = lock(&self.0);
        waiting.retain(|_, teller| !teller.is_closed());
        waiting.insert(subject.to_owned(), tell);
        answers
    }

    /// An answer to whoever waits. At most once: nobody, or one that does not read, misses it.
    fn tell(&self, subject: &str, answer: Bytes) {
        let waiting = lock(&self.0);
        let prefix = subject.rfind('.').map(|dot| &subject[..=dot]);
        let teller = waiting.get(subject).or_else(|| waiting.get(prefix?));
        if let Some(teller) = teller {
            let _ = teller.try_send((subject.to_owned(), answer));
        }
    }
}

#[async_trait]
impl Outbox for Embedded {
    async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<Sent, SendError>> {
        let count = messages.len();
        // What others have read, or a partition holds for said, must not be taken back by a crash.
        let lasting = [Outlet::Out, Outlet::DeadLetters];
        let commands_max = self.commands_max;
        let durable = messages.iter().any(|message| lasting.contains(&message.outlet));
        let sent = self.store.write(durable, move |writing| {
            messages.into_iter().map(|message| send(writing, message, commands_max)).collect()
        });
        match sent.await {
            Ok(sent) => sent,
            Err(fault) => (0..count).map(|_| Err(SendError::Later(fault.why.clone()))).collect(),
        }
    }

    async fn answer(&self, to: &str, payload: Bytes) -> Result<(), PortError> {
        self.answers.tell(to, payload);
        Ok(())
    }

    async fn out_holds(&self, sequence: u64, id: &str) -> Result<bool, PortError> {
        let id = id.to_owned();
        let holds = self.store.read(move |txn| {
            let found = OUT.get(txn, sequence)?;
            let (first, _) = OUT.ends(txn)?;
            Ok(found.map_or(sequence < first, |kept| kept.id.as_deref() == Some(id.as_str())))
        });
        holds.await.map_err(|fault| fault.doing("look up an outcome"))
    }

    async fn ids(
        &self,
        outlet: Outlet,
        after: u64,
        prefix: &str,
    ) -> Result<Vec<(u64, String)>, PortError> {
        let (log, prefix) = (log_of(outlet), prefix.to_owned());
        let ids = self.store.read(move |txn| {
            let Some(log) = log else { return Ok(Vec::new()) };
            let Some(messages) = existing(txn.open_table(log.messages))? else {
                return Ok(Vec::new());
            };
            let mut ids = Vec::new();
            for found in messages.range(after.saturating_add(1)..)? {
                let (sequence, bytes) = found?;
                let kept = Kept::decode(sequence.value(), bytes.value())?;
                let id = kept.id.filter(|id| id.starts_with(&prefix));
                ids.extend(id.map(|id| (sequence.value(), id)));
            }
            Ok(ids)
        });
        ids.await.map_err(|fault| fault.doing("read the ids of effects"))
    }

    async fn last_availability(&self, subject: &str) -> Result<Option<(u64, Bytes)>, PortError> {
        let subject = subject.to_owned();
        let last = self.store.read(move |txn| {
            let Some(table) = existing(txn.open_table(AVAILABILITY))? else { return Ok(None) };
            let found = table.get(subject.as_str())?;
            Ok(found.map(|found| (found.value().0, Bytes::copy_from_slice(found.value().1))))
        });
        last.await.map_err(|fault| fault.doing("read what is shown"))
    }

    async fn put_object(&self, name: &str, bytes: Bytes) -> Result<(), PortError> {
        let name = name.to_owned();
        let put = self.store.write(true, move |Writing { txn, .. }| {
            txn.open_table(OBJECTS)?.insert(name.as_str(), bytes.as_ref())?;
            Ok(())
        });
        put.await.map_err(|fault| fault.doing("put an object"))
    }
}

impl Embedded {
    /// An object that was put.
    pub async fn object(&self, name: &str) -> Result<Option<Bytes>, PortError> {
        let name = name.to_owned();
        let found = self.store.read(move |txn| {
            let Some(table) = existing(txn.open_table(OBJECTS))? else { return Ok(None) };
            Ok(table.get(name.as_str())?.map(|bytes| Bytes::copy_from_slice(bytes.value())))
        });
        found.await.map_err(|fault| fault.doing("read an object"))
    }
}

/// The log of an outlet; availability has none, only last values.
fn log_of(outlet: Outlet) -> Option<Log> {
    match outlet {
        Outlet::Out => Some(OUT),
        Outlet::Commands => Some(COMMANDS),
        Outlet::DeadLetters => Some(LETTERS),
        Outlet::Availability => None,
    }
}

fn send(
    writing: &Writing,
    message: Outgoing,
    commands_max: u64,
) -> Result<Result<Sent, SendError>, redb::Error> {
    let (txn, at) = (writing.txn, writing.at);
    if message.payload.len() > MESSAGE_BYTES_MAX {
        return Ok(Err(SendError::TooLarge(format!("{} bytes", message.payload.len()))));
    }
    let Some(log) = log_of(message.outlet) else { return show(txn, &message) };
    if let Some(id) = message.id.as_deref().filter(|_| message.outlet != Outlet::Commands)
        && let Some(known) = txn.open_table(IDS)?.get((log.name, id))?
    {
        return Ok(Ok(Sent { sequence: known.value(), duplicate: true }));
    }
    let to = message.subject.strip_prefix(COMMAND_SUBJECT).and_then(|to| to.parse().ok());
    let place = to.map(|partition| (partition, Source::Commands.index() as u8));
    if let Some(to) = to.filter(|_| message.outlet == Outlet::Commands) {
        let waiting = commands_waiting(txn, to, |waiting| waiting + 1)?;
        if waiting > commands_max {
            commands_waiting(txn, to, |waiting| waiting - 1)?;
            return Ok(Err(SendError::SubjectFull(format!("{commands_max} messages wait"))));
        }
    }
    let Outgoing { subject, id, headers, payload, .. } = message;
    let kept = Kept { at, subject, id, headers, payload: payload.to_vec() };
    let sequence = log.append(writing, place, &kept)?;
    if let Some(id) = kept.id.filter(|_| message.outlet != Outlet::Commands) {
        txn.open_table(IDS)?.insert((log.name, id.as_str()), sequence)?;
    }
    Ok(Ok(Sent { sequence, duplicate: false }))
}

fn show(
    txn: &WriteTransaction,
    message: &Outgoing,
) -> Result<Result<Sent, SendError>, redb::Error> {
    let mut table = txn.open_table(AVAILABILITY)?;
    let last = table.get(message.subject.as_str())?.map_or(0, |found| found.value().0);
    if message.after.is_some_and(|after| after != last) {
        return Ok(Err(SendError::Refused));
    }
    let sequence = next_sequence(txn, "availability")?;
    table.insert(message.subject.as_str(), (sequence, message.payload.as_ref()))?;
    Ok(Ok(Sent { sequence, duplicate: false }))
}
