//! The end of an owner: it settles what it has decided and leaves, or stands still where the journal
//! lost what it had acknowledged.

use super::{Exit, owner::Owner};

impl Owner {
    /// Stops where the last acknowledged record stands, and keeps what no store may have: in memory
    /// until it is asked to leave, and in the snapshot, from which an operator can begin anew.
    pub(super) async fn freeze(mut self) -> Exit {
        let (partition, position) = (self.env.partition, self.committed.position().sequence);
        tracing::error!(partition, position, "the journal lost acknowledged records: frozen");
        self.env.status.send_modify(|status| (status.serving, status.frozen) = (false, true));
        let stop = self.env.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_the_last() => stop.cancelled().await,
        }
        Exit::Frozen
    }

    async fn keep_the_last(&mut self) {
        loop {
            if self.whole {
                self.keeper.write(&self.committed);
            }
            if !self.keeper.is_writing() || self.keeper.written().await.is_err() {
                return;
            }
        }
    }

    /// Commits what is decided, lets it leave, and writes the snapshot; as far as time allows.
    pub(super) async fn leave(mut self) -> Exit {
        let within = self.env.bounds.leave_within;
        match tokio::time::timeout(within, self.settle_for_good()).await {
            Ok(Ok(())) => Exit::Left,
            Ok(Err(exit)) => exit,
            Err(_) => Exit::LeftInHaste,
        }
    }

    async fn settle_for_good(&mut self) -> Result<(), Exit> {
        self.settle().await?;
        let last_effects = self.last_effects;
        let _ = self.released.wait_for(|released| released.up_to >= last_effects).await;
        if self.committed.released.up_to < last_effects || self.has_read_on(0) {
            self.open_batch();
            let mark = self.take_open();
            self.sealed.push_back(mark);
            self.settle().await?;
        }
        loop {
            self.keeper.write(&self.committed);
            if !self.keeper.is_writing() {
                break;
            }
            self.keeper.written().await.map_err(|_| Exit::SnapshotLost)?;
        }
        Ok(())
    }
}
