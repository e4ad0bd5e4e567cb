//! The end of an owner: it settles what it has decided and leaves, or stands still where the
//! journal lost what it had acknowledged.

use std::time::Duration;

use super::{
    Env, Exit, entry::Entry, format::needed_by, owner::Owner, record::decode_header, recovery::keep,
};

/// A last snapshot saves the next owner some reading: while Redis is away, nobody has to wait for
/// it.
const SNAPSHOT_WITHIN: Duration = Duration::from_secs(1);

impl Owner {
    /// Stops where the last acknowledged record stands, and keeps what no store may have, in memory
    /// and in the snapshot, until an operator has begun the partition anew or it is asked to leave.
    pub(super) async fn freeze(mut self) -> Exit {
        let (partition, position) = (self.env.partition, self.committed.position());
        let at = position.sequence;
        tracing::error!(partition, at, "the journal lost acknowledged records: frozen");
        self.env.status.send_modify(|status| (status.serving, status.frozen) = (false, true));
        let env = self.env.clone();
        let keep = async {
            self.keep_the_last().await;
            std::future::pending().await
        };
        tokio::select! {
            biased;
            () = env.stop.cancelled() => Exit::Frozen,
            () = begun_anew(&env, position.incarnation) => Exit::SteppedDown,
            never = keep => never,
        }
    }

    /// The actors have gone beyond the last acknowledged record: what it left is folded anew.
    async fn keep_the_last(&mut self) {
        while self.keeper.is_writing() {
            if self.keeper.written().await.is_err() {
                return;
            }
        }
        if let Err(why) = keep(&self.env, self.keeper.tail()).await {
            let partition = self.env.partition;
            tracing::error!(partition, ?why, "the last acknowledged state is in memory alone");
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
            self.seal();
            self.settle().await?;
        }
        let writes = self.env.formats.writes();
        if writes >= needed_by(&Entry::Left) {
            self.open_batch();
            self.push(Entry::Left)?;
            self.settle().await?;
        } else if self.spoken.newest_at_end() > writes {
            self.open_batch();
            self.seal();
            self.settle().await?;
        }
        // Without it, who reads only an older format could not go on from here.
        let within = match self.needed_format() > writes {
            true => self.env.bounds.leave_within,
            false => SNAPSHOT_WITHIN,
        };
        let written = tokio::time::timeout(within, self.write_snapshot()).await;
        self.tell();
        written.unwrap_or(Ok(()))
    }

    async fn write_snapshot(&mut self) -> Result<(), Exit> {
        while !self.keeper.tail().is_empty() {
            if self.keeper.is_writing() {
                self.keeper.written().await?;
            } else if self.broken.is_empty() {
                self.gather().await?;
            } else {
                self.rebuild_broken().await?;
                tokio::time::sleep(self.env.bounds.retry_after).await;
            }
        }
        Ok(())
    }
}

/// Ends when the journal's last record is of an incarnation after this one.
async fn begun_anew(env: &Env, incarnation: u64) {
    let partition = env.partition;
    loop {
        tokio::time::sleep(env.bounds.look_every).await;
        let last = match env.ports.journal.last(partition).await {
            Ok(last) => last,
            Err(error) => {
                tracing::debug!(partition, %error, "whether it was begun anew is not known");
                continue;
            }
        };
        let begun = last.map(|last| decode_header(&last.record).map(|of| of.0.incarnation));
        if begun.is_some_and(|begun| begun.is_ok_and(|begun| begun > incarnation)) {
            return tracing::warn!(partition, "an operator has begun the partition anew");
        }
    }
}
