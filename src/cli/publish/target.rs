//! Where events are published: NATS, a directory, or the door of a pod.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use async_nats::jetstream::Context as Nats;
use reqwest::Url;

use super::{
    door::Door,
    way::{Log, Way},
};
use crate::{
    app,
    cli::Context,
    contract::Limits,
    embedded::{Embedded, EmbeddedPublisher, Options, reach},
    error::{Exit, Failure},
    nats::{NatsPublisher, connect::first_answer, largest, setup},
    ports::Partition,
};

/// What `--to` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A directory, served or not.
    Directory(PathBuf),
    /// A pod's address.
    Pod(Url),
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<To, String> {
        match text.split_once("://") {
            Some(("http", _)) => Ok(To::Pod(text.parse().map_err(|error| format!("{error}"))?)),
            Some((scheme, _)) => Err(format!(
                "{scheme} is not known here: a directory, or http://HOST:PORT; NATS is named by \
                 EARMARK_NATS_URL"
            )),
            None => Ok(To::Directory(text.into())),
        }
    }
}

/// A way for events, and what is known at its end.
pub struct Target {
    pub way: Arc<dyn Way>,
    /// What events may look like.
    pub limits: Limits,
    /// Who can be asked what has been decided.
    pub decided: Decided,
}

/// How it is found out that everything published has been decided.
pub enum Decided {
    /// The journal says it.
    Journal(Box<Nats>, Partition),
    /// Each event has been decided when it has gone.
    WhenGone,
    /// Nobody decides.
    Never,
}

impl Target {
    /// The way to what `--to` says; with `wait`, decisions will be waited for.
    pub async fn open(context: &Context, to: Option<&To>, wait: bool) -> Result<Target, Failure> {
        let limits = context.settings.limits.clone();
        match to {
            None => nats(context, limits).await,
            Some(To::Pod(base)) => {
                let token = context.settings.publish.token.text().to_owned();
                pod(base.clone(), token, limits, wait).await
            }
            Some(To::Directory(dir)) => directory(dir, context, limits, wait).await,
        }
    }
}

async fn nats(context: &Context, mut limits: Limits) -> Result<Target, Failure> {
    let nats = context.connect("publish").await?;
    let set_up = "run `earmark setup` once";
    let settings = &context.settings.nats;
    let ask = async || setup::fixed(&nats).await;
    let fixed = first_answer(settings, &nats, "read what was fixed at set-up", ask).await?;
    let fixed = fixed.ok_or_else(|| {
        Failure::new(Exit::Failed, "NATS has not been set up for Earmark").advise(set_up)
    })?;
    let ask = async || largest(&nats).await;
    let largest = first_answer(settings, &nats, "read how large an event may be", ask).await;
    let largest = largest.map_err(|error| Failure::new(Exit::Failed, error).advise(set_up))?;
    limits.event_bytes_max = limits.event_bytes_max.min(largest);
    let publisher = Arc::new(NatsPublisher::new(nats.clone()));
    let decided = Decided::Journal(Box::new(nats), fixed.partitions);
    Ok(Target { way: Arc::new(Log(publisher)), limits, decided })
}

async fn pod(base: Url, token: String, limits: Limits, wait: bool) -> Result<Target, Failure> {
    let door = Door::new(base, token, wait)?;
    door.knock().await?;
    Ok(Target { way: Arc::new(door), limits, decided: Decided::WhenGone })
}

/// Through the door of the process that serves the directory; straight into its log if none does.
async fn directory(
    dir: &Path,
    context: &Context,
    limits: Limits,
    wait: bool,
) -> Result<Target, Failure> {
    let served = || reach::address(dir).filter(|_| Embedded::is_open(dir));
    if let Some(address) = served() {
        let failed = |error| Failure::new(Exit::Failed, format!("{}: {error}", dir.display()));
        let token = match context.settings.publish.token.text() {
            "" => reach::token(dir).map_err(failed)?,
            token => token.to_owned(),
        };
        let base = Url::parse(&format!("http://{address}"));
        let base = base.map_err(|error| Failure::new(Exit::Failed, error))?;
        return pod(base, token, limits, wait).await;
    }
    let store = app::open(dir, Options::default())?;
    app::set_up(&store, dir, context.settings.streams.partitions).await?;
    let publisher = EmbeddedPublisher::new(store, context.settings.streams.partitions);
    Ok(Target { way: Arc::new(Log(Arc::new(publisher))), limits, decided: Decided::Never })
}
