//! What is fixed when a directory is used for the first time: how many partitions there are.

use redb::ReadableTable;

use super::{
    Embedded,
    store::Writing,
    tables::{NUMBERS, number},
};
use crate::ports::{Partition, PortError};

/// Among the numbers: how many partitions there are.
const PARTITIONS: &str = "partitions";

impl Embedded {
    /// Fixes the number of partitions, unless it is fixed already; what it is from now on.
    pub async fn fix_partitions(&self, wanted: Partition) -> Result<Partition, PortError> {
        let fixed = self.store.write(true, move |Writing { txn, .. }| {
            let mut numbers = txn.open_table(NUMBERS)?;
            let known = numbers.get(PARTITIONS)?.map(|known| known.value());
            if known.is_none() {
                numbers.insert(PARTITIONS, u64::from(wanted))?;
            }
            Ok(known.unwrap_or(u64::from(wanted)) as Partition)
        });
        fixed.await.map_err(|fault| fault.doing("fix the number of partitions"))
    }

    /// The number of partitions, if it has been fixed.
    pub async fn partitions(&self) -> Result<Option<Partition>, PortError> {
        let known = self.store.read(|txn| number(txn, PARTITIONS)).await;
        let known = known.map_err(|fault| fault.doing("read the number of partitions"))?;
        Ok(known.map(|known| known as Partition))
    }
}
