//! The shelf of archives: the object store EARMARK_SNAPSHOTS.
//!
//! Promises: what is put can be read by every client of JetStream's object stores. What is read is
//! read by our own reader and is whole, or said to be missing. What is deleted leaves nothing, not
//! even a note that it was there, so that listing costs what there is.

use std::{collections::HashSet, ops::ControlFlow};

use async_nats::jetstream::{
    Context,
    object_store::{ObjectInfo, ObjectStore},
    stream::Stream,
};
use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_URL_SAFE};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;

use super::{
    api::{self, Wanted},
    cut::{self, CUT},
    feed::FeedOf,
    names,
    settings::ReaderSettings,
    setup, span,
};
use crate::{
    domain::time::Timestamp,
    ports::{Kept, PortError, Shelf},
};

/// The shelf port.
pub struct NatsShelf {
    context: Context,
    settings: ReaderSettings,
}

impl NatsShelf {
    /// Keeps archives over this connection.
    pub fn new(context: Context, settings: ReaderSettings) -> NatsShelf {
        NatsShelf { context, settings }
    }

    async fn store(&self) -> Result<ObjectStore, PortError> {
        self.context.get_object_store(names::SNAPSHOTS).await.map_err(|error| {
            let why = format!("{error}; `earmark setup` makes it where it is missing");
            PortError::new(format!("open {}", names::SNAPSHOTS), why)
        })
    }

    async fn stream(&self) -> Result<Stream<()>, PortError> {
        let stream = self.context.get_stream_no_info(names::SNAPSHOTS_STREAM).await;
        stream.map_err(|error| PortError::new(format!("open {}", names::SNAPSHOTS), error))
    }

    /// What is said of all objects, and when it was.
    async fn described(&self) -> Result<Vec<(ObjectInfo, Timestamp)>, PortError> {
        if !setup::exists(&self.context, names::SNAPSHOTS_STREAM).await? {
            return Ok(Vec::new());
        }
        let end = api::look(&self.context, names::SNAPSHOTS_STREAM).await?.last;
        let filter = format!("{}>", names::SNAPSHOTS_DESCRIBED);
        let of = feed(filter);
        let mut described = Vec::new();
        span::read(&self.context, &self.settings, &of, end, |item| {
            described.push((item.message.payload, item.at));
            ControlFlow::Continue(())
        })
        .await?;
        let parse = |(bytes, at): (Bytes, Timestamp)| match serde_json::from_slice(&bytes) {
            Ok(info) => Ok((info, at)),
            Err(error) => Err(PortError::new("read what an archived object is", error)),
        };
        described.into_iter().map(parse).collect()
    }

    async fn describe(&self, name: &str) -> Result<Option<ObjectInfo>, PortError> {
        let subject = described(name);
        let found =
            api::certain(&self.context, names::SNAPSHOTS_STREAM, Wanted::last(&subject)).await?;
        let parse = |stored: api::Stored| serde_json::from_slice(&stored.payload);
        let info: Option<ObjectInfo> = found.map(parse).transpose().map_err(|error| {
            PortError::new(format!("read what the archived object {name} is"), error)
        })?;
        Ok(info.filter(|info| !info.deleted))
    }

    async fn purge(&self, subject: &str) -> Result<(), PortError> {
        let purged = self.stream().await?.purge().filter(subject).await;
        purged.map_err(|error| PortError::new(format!("purge {}", names::SNAPSHOTS), error))?;
        Ok(())
    }
}

fn feed(filter: String) -> FeedOf {
    FeedOf { stream: names::SNAPSHOTS_STREAM, filter, after: 0, headers_only: false }
}

/// Where an object is described.
fn described(name: &str) -> String {
    format!("{}{}", names::SNAPSHOTS_DESCRIBED, BASE64_URL_SAFE.encode(name))
}

/// Where the pieces of an object are.
fn pieces(nuid: &str) -> String {
    format!("{}{nuid}", names::SNAPSHOTS_PIECES)
}

#[async_trait]
impl Shelf for NatsShelf {
    async fn list(&self, begin: &str) -> Result<Vec<Kept>, PortError> {
        let all = self.described().await?.into_iter();
        let kept = all.filter(|(info, _)| !info.deleted && info.name.starts_with(begin));
        let kept = kept.map(|(info, at)| Kept { name: info.name, bytes: info.size as u64, at });
        Ok(kept.collect())
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), PortError> {
        let store = self.store().await?;
        let error = |why: String| PortError::new(format!("archive {name}"), why);
        let mut rest = bytes.as_ref();
        match cut::answer(&self.context.client(), store.put(name, &mut rest)).await {
            Some(put) => put.map(drop).map_err(|e| error(e.to_string())),
            None => Err(error(CUT.to_owned())),
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, PortError> {
        let Some(info) = self.describe(name).await? else { return Ok(None) };
        let end = api::look(&self.context, names::SNAPSHOTS_STREAM).await?.last;
        let mut bytes = BytesMut::with_capacity(info.size);
        span::read(&self.context, &self.settings, &feed(pieces(&info.nuid)), end, |item| {
            bytes.extend_from_slice(&item.message.payload);
            match bytes.len() < info.size {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })
        .await?;
        Ok((bytes.len() == info.size).then(|| bytes.freeze()))
    }

    async fn delete(&self, name: &str) -> Result<(), PortError> {
        let Some(info) = self.describe(name).await? else { return Ok(()) };
        self.purge(&described(name)).await?;
        self.purge(&pieces(&info.nuid)).await
    }

    async fn sweep(&self, before: Timestamp) -> Result<(), PortError> {
        if !setup::exists(&self.context, names::SNAPSHOTS_STREAM).await? {
            return Ok(());
        }
        // What has pieces is read before what is described: a new object has its pieces first.
        let error = |why: String| PortError::new(format!("look through {}", names::SNAPSHOTS), why);
        let all = self.stream().await?;
        let all = all.info_with_subjects(format!("{}>", names::SNAPSHOTS_PIECES)).await;
        let all: Vec<(String, usize)> = all
            .map_err(|e| error(e.to_string()))?
            .try_collect()
            .await
            .map_err(|e| error(e.to_string()))?;
        let described = self.described().await?;
        let owned: HashSet<String> = described.iter().map(|(info, _)| pieces(&info.nuid)).collect();
        for (subject, _) in all.into_iter().filter(|(subject, _)| !owned.contains(subject)) {
            let wanted = Wanted::last(&subject);
            let last = api::get(&self.context, names::SNAPSHOTS_STREAM, wanted).await?;
            if last.is_some_and(|last| last.at < before) {
                self.purge(&subject).await?;
            }
        }
        Ok(())
    }
}
