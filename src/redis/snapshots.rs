//! The snapshot port: one script and one round trip a call.
//!
//! Promises: what depends on a position is checked and done in one atomic step; every call may be
//! repeated. A delta costs what has changed, not what there is. What cannot be read is said, and is
//! as good as no snapshot: the caller makes it anew from archive and journal. The generation of a
//! partition is remembered from the last answer; if another process began a new one, the answer
//! says so and the call is made once more under its name.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use redis::{FromRedisValue, ScriptInvocation, Value, cmd};

use super::{
    layout::{self, FOLDED_TO, Keys},
    link::{Link, RedisSettings},
    scripts::{Packed, Scripts},
    sweep,
};
use crate::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    ports::{At, Delta, EntityChange, Partition, PortError, Position, Snapshots, StoredEntity},
};

/// No delta has more entities: each is a key and an argument, of which Redis takes 2^20.
const ENTITIES_MAX: usize = 500_000;

/// What a script says: the place, and what was asked if it is the expected one.
type Answer = (Option<String>, Option<String>, Option<String>, Option<Value>);

/// The snapshot port.
pub struct RedisSnapshots {
    pub(super) link: Arc<Link>,
    pub(super) scripts: Arc<Scripts>,
    pub(super) settings: RedisSettings,
    generations: Mutex<HashMap<Partition, String>>,
}

impl RedisSnapshots {
    /// Snapshots in this Redis, which is connected to when it is first used.
    pub fn new(settings: RedisSettings) -> Result<RedisSnapshots, PortError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if settings.prefix.is_empty() || !settings.prefix.bytes().all(plain) {
            let why = format!("{:?} has more than letters, digits, - and _", settings.prefix);
            return Err(PortError::new("read the prefix of Redis' keys", why));
        }
        Ok(RedisSnapshots {
            link: Arc::new(Link::new(&settings)?),
            scripts: Arc::new(Scripts::new()),
            settings,
            generations: Mutex::default(),
        })
    }

    pub(super) fn names(&self, partition: Partition) -> Keys {
        Keys::new(&self.settings.prefix, partition)
    }

    /// The generation as last heard of; no generation has the empty name.
    pub(super) fn generation(&self, partition: Partition) -> String {
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.get(&partition).cloned().unwrap_or_default()
    }

    pub(super) fn remember(&self, partition: Partition, generation: &str) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        generations.insert(partition, generation.to_owned());
    }

    /// Runs what depends on a position, again if only the generation was another.
    async fn at<'a, T>(
        &'a self,
        partition: Partition,
        expected: &[Position],
        doing: &'static str,
        call: impl Fn(&str) -> ScriptInvocation<'a> + Send + Sync,
        read: fn(Value) -> Result<T, String>,
    ) -> Result<At<T>, PortError> {
        let error = |why: String| PortError::new(doing, why);
        let mut generation = self.generation(partition);
        for _ in 0..2 {
            let invocation = call(&generation);
            let values = self.link.script(doing, &invocation).await?;
            let (incarnation, sequence, found, value) = answer(values);
            let read = value.map(read).transpose();
            let (value, position) = match (read, position(incarnation, sequence)) {
                (Ok(value), Ok(position)) => (value, position),
                (Err(why), _) | (_, Err(why)) => {
                    tracing::error!(partition, why, "the snapshot in Redis is damaged");
                    return Ok(At::Elsewhere(None));
                }
            };
            if let Some(value) = value {
                return Ok(At::Here(value));
            }
            let Some(position) = position else { return Ok(At::Elsewhere(None)) };
            let found = found.unwrap_or_default();
            if !expected.contains(&position) || found == generation {
                return Ok(At::Elsewhere(Some(position)));
            }
            self.remember(partition, &found);
            generation = found;
        }
        Err(error("the snapshot is started anew again and again".to_owned()))
    }
}

#[async_trait]
impl Snapshots for RedisSnapshots {
    async fn state(&self, partition: Partition) -> Result<Option<(Position, Bytes)>, PortError> {
        let mut get = cmd("HMGET");
        get.arg(self.names(partition).meta());
        get.arg(&["incarnation", "sequence", "generation", "state"]);
        let doing = "read the snapshot's state";
        type Meta = (Option<String>, Option<String>, Option<String>, Option<Vec<u8>>);
        let (incarnation, sequence, generation, state): Meta =
            self.link.command(doing, &get).await?;
        let position = position(incarnation, sequence).unwrap_or_else(|why| {
            tracing::error!(partition, why, "the snapshot in Redis is damaged");
            None
        });
        let (Some(position), Some(generation), Some(state)) = (position, generation, state) else {
            return Ok(None);
        };
        self.remember(partition, &generation);
        Ok(Some((position, state.into())))
    }

    async fn load(
        &self,
        partition: Partition,
        at: Position,
        keys: &[EntityKey],
    ) -> Result<At<Vec<Option<StoredEntity>>>, PortError> {
        let names = self.names(partition);
        let call = |generation: &str| {
            let mut call = self.scripts.load.prepare_invoke();
            call.key(names.meta());
            for key in keys {
                call.key(names.entity(generation, key));
            }
            call.arg(at.incarnation.to_string()).arg(at.sequence.to_string()).arg(generation);
            call
        };
        self.at(partition, &[at], "load entities", call, entities).await
    }

    async fn advance(&self, partition: Partition, delta: &Delta) -> Result<At<()>, PortError> {
        if delta.changes.len() > ENTITIES_MAX {
            let why = format!("{} entities in one delta", delta.changes.len());
            return Err(PortError::new("move the snapshot on", why));
        }
        let names = self.names(partition);
        let packed: Vec<Vec<u8>> = delta.changes.iter().map(pack).collect();
        let call = |generation: &str| {
            let mut call = self.scripts.advance.prepare_invoke();
            call.key(names.meta());
            call.key(names.due(generation, DueClock::Settled));
            call.key(names.due(generation, DueClock::Demand));
            for position in [delta.from, delta.to] {
                call.arg(position.incarnation.to_string()).arg(position.sequence.to_string());
            }
            call.arg(generation).arg(delta.state.as_ref());
            for (change, packed) in delta.changes.iter().zip(&packed) {
                call.key(names.entity(generation, &change.key)).arg(packed.as_slice());
            }
            call
        };
        self.at(partition, &[delta.from, delta.to], "move the snapshot on", call, |_| Ok(())).await
    }

    async fn reset(
        &self,
        partition: Partition,
        to: Position,
        state: Bytes,
    ) -> Result<(), PortError> {
        let names = self.names(partition);
        let generation = format!("{:032x}", rand::random::<u128>());
        let mut call = self.scripts.reset.prepare_invoke();
        call.key(names.meta()).key(names.garbage());
        call.arg(to.incarnation.to_string()).arg(to.sequence.to_string());
        call.arg(&generation).arg(state.as_ref());
        let _: i64 = self.link.script("start the snapshot anew", &call).await?;
        self.remember(partition, &generation);
        sweep::in_background(self, partition);
        Ok(())
    }

    async fn due(
        &self,
        partition: Partition,
        at: Position,
        clock: DueClock,
        before: Timestamp,
        limit: usize,
    ) -> Result<At<Vec<EntityKey>>, PortError> {
        let names = self.names(partition);
        let call = |generation: &str| {
            let mut call = self.scripts.due.prepare_invoke();
            call.key(names.meta()).key(names.due(generation, clock));
            call.arg(at.incarnation.to_string()).arg(at.sequence.to_string()).arg(generation);
            call.arg(format!("({}", layout::score(before))).arg(limit);
            call
        };
        self.at(partition, &[at], "read deadlines", call, members).await
    }

    async fn note_committed(
        &self,
        partition: Partition,
        position: Position,
    ) -> Result<(), PortError> {
        let mut call = self.scripts.note.prepare_invoke();
        call.key(self.names(partition).committed()).arg(layout::position_text(position));
        let _: i64 = self.link.script("note what is committed", &call).await?;
        Ok(())
    }

    async fn committed(&self, partition: Partition) -> Result<Option<Position>, PortError> {
        let doing = "read what is committed";
        let mut get = cmd("GET");
        get.arg(self.names(partition).committed());
        let text: Option<String> = self.link.command(doing, &get).await?;
        let parse = |text: String| {
            layout::position_of(&text)
                .ok_or_else(|| PortError::new(doing, format!("{text:?} is no position")))
        };
        text.map(parse).transpose()
    }
}

/// A script's answer has three elements, or four when all is as expected. Lua ends an array at the
/// first nil, so it may have fewer where there is no snapshot.
pub(super) fn answer(values: Vec<Value>) -> Answer {
    let mut values = values.into_iter();
    let mut text =
        || values.next().and_then(|value| Option::from_redis_value(value).ok()).flatten();
    let (incarnation, sequence, generation) = (text(), text(), text());
    (incarnation, sequence, generation, values.next())
}

pub(super) fn position(
    incarnation: Option<String>,
    sequence: Option<String>,
) -> Result<Option<Position>, String> {
    let (Some(incarnation), Some(sequence)) = (incarnation, sequence) else { return Ok(None) };
    let parse = |text: String| text.parse().map_err(|_| format!("{text:?} is no number"));
    Ok(Some(Position { incarnation: parse(incarnation)?, sequence: parse(sequence)? }))
}

pub(super) fn pack(change: &EntityChange) -> Vec<u8> {
    let mut packed = Packed::default();
    packed.text(layout::member(&change.key).as_bytes());
    for clock in [DueClock::Settled, DueClock::Demand] {
        let due = change.dues.iter().find(|(c, _)| *c == clock).and_then(|(_, at)| *at);
        packed.text(due.map_or(String::new(), |at| layout::score(at).to_string()).as_bytes());
    }
    let kept = change.parts.iter().filter_map(|(part, bytes)| Some((part, bytes.as_ref()?)));
    packed.list(2 + 2 * kept.clone().count());
    packed.text(FOLDED_TO.as_bytes());
    packed.text(change.folded_to.to_string().as_bytes());
    for (part, bytes) in kept {
        packed.text(layout::field_of(part).as_bytes());
        packed.text(bytes);
    }
    let gone = change.parts.iter().filter(|(_, bytes)| bytes.is_none());
    packed.list(gone.clone().count());
    gone.for_each(|(part, _)| packed.text(layout::field_of(part).as_bytes()));
    packed.into_bytes()
}

fn entities(value: Value) -> Result<Vec<Option<StoredEntity>>, String> {
    let fields: Vec<Vec<Vec<u8>>> = Vec::from_redis_value(value).map_err(|e| e.to_string())?;
    fields.into_iter().map(entity).collect()
}

pub(super) fn entity(fields: Vec<Vec<u8>>) -> Result<Option<StoredEntity>, String> {
    if fields.is_empty() {
        return Ok(None);
    }
    let mut folded_to = None;
    let mut parts = Vec::with_capacity(fields.len() / 2);
    let mut fields = fields.into_iter();
    while let (Some(field), Some(value)) = (fields.next(), fields.next()) {
        let field = String::from_utf8(field).map_err(|e| e.to_string())?;
        if field == FOLDED_TO {
            let text = String::from_utf8(value).map_err(|e| e.to_string())?;
            folded_to = text.parse().ok();
        } else {
            parts.push((layout::part_of(&field).to_owned(), value.into()));
        }
    }
    let folded_to = folded_to.ok_or("an entity does not say what it is folded to")?;
    Ok(Some(StoredEntity { folded_to, parts }))
}

fn members(value: Value) -> Result<Vec<EntityKey>, String> {
    let members: Vec<String> = Vec::from_redis_value(value).map_err(|e| e.to_string())?;
    let key = |member: String| {
        layout::entity_of(&member).ok_or_else(|| format!("{member:?} is no entity"))
    };
    members.into_iter().map(key).collect()
}
