//! Redis decides, in a script: one an event, in a pipeline, or one for many events.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use async_trait::async_trait;
use earmark::{
    clock::SystemClock,
    ports::{Clock, Partition},
};
use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};

use super::{Decided, Store, told::Asked};
use crate::{harness::RedisServer, workload::Workload};

/// How long an id is remembered, in seconds.
const REMEMBERED_S: u64 = 86_400;
/// How long an answer of Redis may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Keys that are set together.
const AT_ONCE: usize = 1_000;

/// How many events a call of the script decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    Each,
    Together,
}

pub struct RedisLua {
    connection: MultiplexedConnection,
    sha: String,
    calls: Calls,
    /// Positions to be written with the next decisions.
    positions: Mutex<HashMap<Partition, u64>>,
}

impl RedisLua {
    /// Loads the script and the stock.
    pub async fn new(server: &RedisServer, calls: Calls, workload: &Workload) -> Result<RedisLua> {
        let client = redis::Client::open(server.url())?;
        // On a busy machine a script of many events may take longer than clients allow by default.
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let script = match calls {
            Calls::Each => include_str!("each.lua"),
            Calls::Together => include_str!("together.lua"),
        };
        let load = redis::cmd("SCRIPT").arg("LOAD").arg(script).to_owned();
        let sha = load.query_async(&mut connection).await.context("load the script")?;
        let stock: Vec<_> = workload.skus.iter().zip(&workload.stock).collect();
        for chunk in stock.chunks(AT_ONCE) {
            let mut set = redis::cmd("MSET");
            chunk.iter().for_each(|(sku, stock)| {
                set.arg(format!("s:{sku}")).arg(**stock);
            });
            set.query_async::<()>(&mut connection).await?;
        }
        Ok(RedisLua { connection, sha, calls, positions: Mutex::default() })
    }

    fn call(&self, asked: &Asked) -> redis::Cmd {
        let mut call = redis::cmd("EVALSHA");
        // What expires in the same minute is swept together.
        let now_s = SystemClock.now().0 / 1_000_000;
        let minute = (now_s.unsigned_abs() + asked.lasts_s()) / 60;
        call.arg(&self.sha).arg(0).arg(format!("expires:{minute}")).arg(REMEMBERED_S);
        call
    }
}

#[async_trait]
impl Store for RedisLua {
    async fn decide(&self, partition: Partition, asked: &[Asked<'_>]) -> Result<Vec<Decided>> {
        let Some(first) = asked.first() else { return Ok(Vec::new()) };
        let mut pipe = redis::pipe();
        let position = lock(&self.positions).remove(&partition);
        if let Some(position) = position {
            pipe.cmd("SET").arg(format!("position:{partition}")).arg(position).ignore();
        }
        match self.calls {
            Calls::Each => {
                for asked in asked {
                    let mut call = self.call(asked);
                    call.arg(asked.key()).arg(asked.record());
                    asked.lines().for_each(|(sku, quantity)| {
                        call.arg(sku).arg(quantity);
                    });
                    pipe.add_command(call);
                }
            }
            Calls::Together => {
                let mut call = self.call(first);
                for asked in asked {
                    let lines: Vec<_> = asked.lines().collect();
                    call.arg(asked.key()).arg(asked.record()).arg(lines.len());
                    for (sku, quantity) in lines {
                        call.arg(sku).arg(quantity);
                    }
                }
                pipe.add_command(call);
            }
        }
        let mut connection = self.connection.clone();
        let answers: Vec<u8> = match self.calls {
            Calls::Each => pipe.query_async(&mut connection).await?,
            Calls::Together => {
                let (answers,): (Vec<u8>,) = pipe.query_async(&mut connection).await?;
                answers
            }
        };
        answers.into_iter().map(decided).collect()
    }

    async fn delivered(&self, partition: Partition, sequence: u64) -> Result<()> {
        lock(&self.positions).insert(partition, sequence);
        Ok(())
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 0 or 1, or 2 or 3 for a repeat.
pub fn decided(answer: u8) -> Result<Decided> {
    if answer > 3 {
        bail!("an answer {answer}");
    }
    Ok(Decided { granted: answer % 2 == 1, repeated: answer >= 2 })
}
