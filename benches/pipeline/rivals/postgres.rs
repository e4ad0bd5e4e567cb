//! PostgreSQL decides: one transaction for many events, in a function of its own.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use earmark::ports::Partition;
use tokio_postgres::{Client, NoTls, Statement};

use super::{Decided, Store, redis_lua::decided, told::Asked};
use crate::{
    log::PARTITIONS,
    servers::{Fsync, PostgresServer},
    workload::Workload,
};

pub struct Postgres {
    /// One a partition, with its prepared call.
    clients: Vec<(Client, Statement)>,
    /// Positions to be written with the next decisions.
    positions: Mutex<HashMap<Partition, u64>>,
}

/// A connection that waits for the disk at each commit only where the others do too.
async fn connect(server: &PostgresServer, fsync: Fsync) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(&server.config(), NoTls).await.context("connect to PostgreSQL")?;
    tokio::spawn(connection);
    if fsync == Fsync::Default {
        client.batch_execute("SET synchronous_commit = off").await?;
    }
    Ok(client)
}

impl Postgres {
    /// Makes the tables anew and loads the stock.
    pub async fn new(
        server: &PostgresServer,
        fsync: Fsync,
        workload: &Workload,
    ) -> Result<Postgres> {
        let client = connect(server, fsync).await?;
        client.batch_execute(include_str!("schema.sql")).await.context("make the tables")?;
        let stock: Vec<i32> = workload.stock.iter().map(|stock| *stock as i32).collect();
        let insert = "INSERT INTO stock SELECT * FROM unnest($1::text[], $2::integer[])";
        client.execute(insert, &[&workload.skus, &stock]).await.context("load the stock")?;
        client.batch_execute("VACUUM ANALYZE stock").await?;
        client.batch_execute("CHECKPOINT").await?;
        let mut clients = Vec::new();
        for _ in 0..PARTITIONS {
            let client = connect(server, fsync).await?;
            let call = "SELECT decide($1, $2, $3, $4, $5, $6, $7, $8, $9)";
            let statement = client.prepare(call).await.context("prepare the call")?;
            clients.push((client, statement));
        }
        Ok(Postgres { clients, positions: Mutex::default() })
    }

    fn positions(&self) -> std::sync::MutexGuard<'_, HashMap<Partition, u64>> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for Postgres {
    async fn decide(&self, partition: Partition, asked: &[Asked<'_>]) -> Result<Vec<Decided>> {
        let (client, call) = &self.clients[usize::from(partition)];
        let position = self.positions().remove(&partition).unwrap_or(0) as i64;
        let sources: Vec<&str> = asked.iter().map(|asked| asked.event.source.as_ref()).collect();
        let ids: Vec<&str> = asked.iter().map(|asked| asked.event.id.as_ref()).collect();
        let records: Vec<String> = asked.iter().map(Asked::record).collect();
        let lasts: Vec<i32> = asked.iter().map(|asked| asked.lasts_s() as i32).collect();
        let (mut events, mut skus, mut quantities) = (Vec::new(), Vec::new(), Vec::new());
        for (event, asked) in (1_i32..).zip(asked) {
            for (sku, quantity) in asked.lines() {
                events.push(event);
                skus.push(sku);
                quantities.push(quantity as i32);
            }
        }
        let row = client
            .query_one(
                call,
                &[
                    &i32::from(partition),
                    &position,
                    &sources,
                    &ids,
                    &records,
                    &lasts,
                    &events,
                    &skus,
                    &quantities,
                ],
            )
            .await?;
        let answers: Vec<i32> = row.try_get(0)?;
        answers.into_iter().map(|answer| decided(answer as u8)).collect()
    }

    async fn delivered(&self, partition: Partition, sequence: u64) -> Result<()> {
        self.positions().insert(partition, sequence);
        Ok(())
    }
}
