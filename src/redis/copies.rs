//! The port by which snapshots are copied and built, on Redis.
//!
//! Promises: what is copied was there in one moment, and so were the keys that are named in one
//! step; a step says which process of Redis it was, since the cursors of SCAN mean nothing to
//! another one. A snapshot that is built is a generation that nobody sees, under `staged`; once
//! another one is begun it can neither be filled nor finished, and what there is of it is deleted.
//! It is put in place only with all that it was filled with, also if Redis lost its newest writes.

use async_trait::async_trait;
use bytes::Bytes;
use redis::{FromRedisValue, Value, pipe};

use super::{
    layout, scripts,
    snapshots::{RedisSnapshots, answer, entity, pack, position},
    sweep,
};
use crate::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    ports::{Built, Copied, Copies, EntityChange, Named, Partition, PortError, Position},
};

/// Keys that one step of going through all of them looks at.
const STEP: usize = 1_000;

/// An entity's fields, and its deadline on each clock.
type Raw = (Vec<Vec<u8>>, Option<String>, Option<String>);

/// What the server says of itself, the snapshot's place, and a step of going through the keys.
type Step = (String, (Option<String>, Option<String>, Option<String>), (u64, Vec<String>));

#[async_trait]
impl Copies for RedisSnapshots {
    async fn copy(
        &self,
        partition: Partition,
        keys: &[EntityKey],
    ) -> Result<Option<Copied>, PortError> {
        let doing = "copy entities";
        let error = |why: String| PortError::new(doing, why);
        let names = self.names(partition);
        let mut which = self.generation(partition);
        for _ in 0..3 {
            let mut call = self.scripts.copy.prepare_invoke();
            call.key(names.meta());
            call.key(names.due(&which, DueClock::Settled));
            call.key(names.due(&which, DueClock::Demand));
            call.arg(&which);
            for key in keys {
                call.key(names.entity(&which, key)).arg(layout::member(key));
            }
            let values = self.link.script(doing, &call).await?;
            let (incarnation, sequence, found, value) = answer(values);
            let (Some(at), Some(found)) = (position(incarnation, sequence).map_err(error)?, found)
            else {
                return Ok(None);
            };
            match value {
                Some(value) => {
                    let entities = changes(keys, value).map_err(error)?;
                    return Ok(Some(Copied { which, at, entities }));
                }
                None => {
                    self.remember(partition, &found);
                    which = found;
                }
            }
        }
        Err(error("the snapshot is started anew again and again".to_owned()))
    }

    async fn keys(
        &self,
        partition: Partition,
        which: &str,
        from: u64,
    ) -> Result<Option<Named>, PortError> {
        let doing = "go through the snapshot's keys";
        let error = |why: String| PortError::new(doing, why);
        let names = self.names(partition);
        let all = names.all_of(which);
        // One transaction, so one process and one moment.
        let mut step = pipe();
        step.atomic();
        step.cmd("INFO").arg("server");
        step.cmd("HMGET").arg(names.meta()).arg(&["incarnation", "sequence", "generation"]);
        step.cmd("SCAN").arg(from).arg("MATCH").arg(&all).arg("COUNT").arg(STEP);
        let (info, meta, (next, found)): Step = self.link.together(doing, &step).await?;
        let (incarnation, sequence, generation) = meta;
        let at = position(incarnation, sequence).map_err(error)?;
        let Some(at) = at.filter(|_| generation.as_deref() == Some(which)) else { return Ok(None) };
        let life = info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim);
        let life = life.filter(|life| !life.is_empty());
        let life = life.ok_or_else(|| error("INFO server names no run_id".to_owned()))?.to_owned();
        let begin = all.trim_end_matches('*');
        let keys = found.iter().filter_map(|key| layout::entity_of(key.strip_prefix(begin)?));
        Ok(Some(Named { life, at, next, keys: keys.collect() }))
    }

    async fn begin(&self, partition: Partition) -> Result<String, PortError> {
        let names = self.names(partition);
        let which = format!("{:032x}", rand::random::<u128>());
        let mut call = self.scripts.begin.prepare_invoke();
        call.key(names.staged()).key(names.garbage()).arg(&which);
        let _: i64 = self.link.script("begin to build a snapshot", &call).await?;
        sweep::in_background(self, partition);
        Ok(which)
    }

    async fn fill(
        &self,
        partition: Partition,
        which: &str,
        number: u64,
        entities: &[EntityChange],
    ) -> Result<Built, PortError> {
        let names = self.names(partition);
        let mut call = self.scripts.fill.prepare_invoke();
        call.key(names.staged()).key(names.fills(which));
        call.key(names.due(which, DueClock::Settled)).key(names.due(which, DueClock::Demand));
        call.arg(which).arg(number);
        for entity in entities {
            call.key(names.entity(which, &entity.key)).arg(pack(entity));
        }
        let doing = "fill a snapshot";
        built(doing, self.link.script(doing, &call).await?)
    }

    async fn finish(
        &self,
        partition: Partition,
        which: &str,
        fills: u64,
        to: Position,
        state: Bytes,
    ) -> Result<Built, PortError> {
        let names = self.names(partition);
        let mut call = self.scripts.finish.prepare_invoke();
        call.key(names.meta()).key(names.staged()).key(names.garbage()).key(names.fills(which));
        call.arg(to.incarnation.to_string()).arg(to.sequence.to_string());
        call.arg(which).arg(state.as_ref()).arg(fills);
        let doing = "put a built snapshot in place";
        let finished = built(doing, self.link.script(doing, &call).await?)?;
        if finished == Built::Done {
            self.remember(partition, which);
            sweep::in_background(self, partition);
        }
        Ok(finished)
    }
}

fn built(doing: &str, said: i64) -> Result<Built, PortError> {
    match said {
        scripts::SUPERSEDED => Ok(Built::Superseded),
        scripts::DONE => Ok(Built::Done),
        scripts::LOST => Ok(Built::Lost),
        other => Err(PortError::new(doing, format!("the script said {other}"))),
    }
}

fn changes(keys: &[EntityKey], value: Value) -> Result<Vec<EntityChange>, String> {
    let raw: Vec<Raw> = Vec::from_redis_value(value).map_err(|error| error.to_string())?;
    keys.iter().zip(raw).map(|(key, raw)| change(key, raw)).collect()
}

fn change(key: &EntityKey, (fields, settled, demand): Raw) -> Result<EntityChange, String> {
    let dues = [(DueClock::Settled, due(settled)?), (DueClock::Demand, due(demand)?)];
    let key = key.clone();
    Ok(match entity(fields)? {
        None => EntityChange { key, folded_to: 0, parts: Vec::new(), dues },
        Some(stored) => {
            let parts = stored.parts.into_iter().map(|(name, part)| (name, Some(part)));
            EntityChange { key, folded_to: stored.folded_to, parts: parts.collect(), dues }
        }
    })
}

/// A deadline from a score, which is a double and exact.
fn due(score: Option<String>) -> Result<Option<Timestamp>, String> {
    let parse = |text: String| match text.parse::<f64>() {
        Ok(score) => Ok(Timestamp(score as i64)),
        Err(_) => Err(format!("{text:?} is no deadline")),
    };
    score.filter(|text| !text.is_empty()).map(parse).transpose()
}
