//! Whether everything that was published has been decided to the end.

use std::time::Duration;

use actix::Addr;

use crate::{
    domain::time::Timestamp,
    error::{Exit, Failure},
    partition::Status,
    ports::{Partition, Source},
    supervisor::{Ask, AskPartitions, Depths, Supervisor},
};

/// How often the partitions are asked.
const ASK_EVERY: Duration = Duration::from_millis(2);

/// Waits until every partition has read all there is, given every deadline before `now`, committed,
/// and let every effect leave; and until nothing that any of them said meanwhile is unread. What
/// they say of themselves then.
pub async fn settled(
    depths: &dyn Depths,
    supervisor: &Addr<Supervisor>,
    now: Timestamp,
) -> Result<Vec<Status>, Failure> {
    loop {
        let before = ask(supervisor).await?;
        if before.iter().all(|of| is_settled(of, now)) && is_read(depths, &before).await? {
            let after = ask(supervisor).await?;
            if after.iter().zip(&before).all(|(after, before)| same(after, before)) {
                return Ok(after);
            }
        }
        if before.iter().any(|of| !of.serving) {
            refused(supervisor).await?;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

async fn ask(supervisor: &Addr<Supervisor>) -> Result<Vec<Status>, Failure> {
    let gone = |_| Failure::new(Exit::Failed, "the supervisor is gone");
    supervisor.send(AskPartitions).await.map_err(gone)
}

/// A partition that refuses to serve will not settle.
async fn refused(supervisor: &Addr<Supervisor>) -> Result<(), Failure> {
    let gone = |_| Failure::new(Exit::Failed, "the supervisor is gone");
    let report = supervisor.send(Ask).await.map_err(gone)?;
    match report.partitions.into_iter().find(|of| of.refuses) {
        None => Ok(()),
        Some(of) => {
            let why = of.why.unwrap_or_default();
            Err(Failure::new(Exit::Failed, format!("partition {}: {why}", of.partition)))
        }
    }
}

fn is_settled(of: &Status, now: Timestamp) -> bool {
    of.serving && of.settled && of.deadlines_to >= now
}

fn same(one: &Status, other: &Status) -> bool {
    one.settled && one.position == other.position
}

async fn is_read(depths: &dyn Depths, statuses: &[Status]) -> Result<bool, Failure> {
    for (partition, status) in (0..).zip(statuses) {
        for source in Source::ALL {
            let read = status.read[source.index()].sequence;
            let unread = depths.unread(partition as Partition, source, read).await?;
            if unread.messages > 0 {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
