//! What is asked of the JetStream API directly, because async-nats does not say it (the server's
//! own time) or would let a follower answer.
//!
//! Promises: every answer here comes from a server that leads the stream, or believes so; [`look`]
//! and [`certain`] fail where it may have been replaced since; nothing is retried. For some
//! milliseconds a leader that thaws may take what it was told before it froze for new.

use std::time::{Duration, Instant};

use async_nats::jetstream::{Context, response::Response};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::cut::{self, CUT};
use crate::{
    domain::time::Timestamp,
    ports::{Extent, PortError},
};

/// `no message found`.
const NO_MESSAGE_FOUND: u64 = 10_037;

/// A leader that has heard from most of its servers within this has not been replaced: they wait
/// for at least four seconds of silence before they elect another, and hear from it every second
/// (`minElectionTimeout` and `hbInterval` in nats-server's raft.go). One that was cut off or frozen
/// does not know better for up to twenty seconds, and says what was true when it last led.
const LEADS_FOR: Duration = Duration::from_secs(3);

/// What a stream looked like at a moment.
#[derive(Clone, Debug)]
pub(crate) struct StreamSeen {
    /// When it was created.
    pub created: Timestamp,
    /// Its first sequence.
    pub first: u64,
    /// Its last sequence.
    pub last: u64,
    /// The server's own time, read after the sequences.
    pub now: Timestamp,
    /// How many servers hold it.
    pub replicas: usize,
    /// When we asked, by our own clock.
    pub asked: Instant,
}

impl StreamSeen {
    /// From where to where it goes.
    pub fn extent(&self) -> Extent {
        Extent { created: self.created, first: self.first, last: self.last }
    }
}

/// A message as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub sequence: u64,
    pub at: Timestamp,
    pub subject: String,
    /// As they stand in the message: a line each.
    pub headers: String,
    pub payload: Bytes,
}

impl Stored {
    /// Its headers, without the line that says which version they are of.
    pub fn header_lines(&self) -> Vec<&str> {
        let lines = self.headers.lines().map(str::trim).skip(1);
        lines.filter(|line| !line.is_empty()).collect()
    }
}

/// Which message is wanted.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Wanted<'a> {
    #[serde(rename = "seq", skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    #[serde(rename = "next_by_subj", skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
    #[serde(rename = "last_by_subj", skip_serializing_if = "Option::is_none")]
    last: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// The message at a sequence.
    pub fn at(sequence: u64) -> Wanted<'static> {
        Wanted { sequence: Some(sequence), next: None, last: None }
    }

    /// The first message at or after a sequence whose subject matches.
    pub fn next(filter: &'a str, from: u64) -> Wanted<'a> {
        Wanted { sequence: Some(from), next: Some(filter), last: None }
    }

    /// The last message of a subject.
    pub fn last(subject: &'a str) -> Wanted<'a> {
        Wanted { sequence: None, next: None, last: Some(subject) }
    }
}

#[derive(Deserialize)]
struct RawInfo {
    created: String,
    ts: String,
    config: RawConfig,
    state: RawState,
    #[serde(default)]
    cluster: RawCluster,
}

/// The servers that hold the stream, as the one sees them that answers.
#[derive(Default, Deserialize)]
struct RawCluster {
    leader: Option<String>,
    #[serde(default)]
    replicas: Vec<RawReplica>,
}

/// Another server than that.
#[derive(Deserialize)]
struct RawReplica {
    /// How long ago it was heard from, in nanoseconds; 0 if never.
    #[serde(default)]
    active: u64,
}

impl RawCluster {
    /// Why the server that answers may not be the leader any more.
    fn doubt(&self, replicas: usize) -> Option<&'static str> {
        if replicas <= 1 {
            return None;
        }
        if self.leader.is_none() {
            return Some("it has no leader at present");
        }
        let within = 1..=u64::try_from(LEADS_FOR.as_nanos()).unwrap_or(u64::MAX);
        let heard = self.replicas.iter().filter(|other| within.contains(&other.active)).count();
        let most = heard + 1 > replicas / 2;
        (!most)
            .then_some("its leader has not heard from most of its servers lately, and may be none")
    }
}

#[derive(Deserialize)]
struct RawConfig {
    num_replicas: usize,
}

#[derive(Deserialize)]
struct RawState {
    first_seq: u64,
    last_seq: u64,
}

#[derive(Deserialize)]
struct RawGet {
    message: RawStored,
}

#[derive(Deserialize)]
struct RawStored {
    subject: String,
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
    time: String,
}

/// What the API answers, unless the connection that was asked is gone.
pub(crate) async fn request<T: DeserializeOwned>(
    context: &Context,
    subject: String,
    request: &(impl Serialize + ?Sized),
) -> Result<Response<T>, String> {
    let client = context.client();
    match cut::answer(&client, context.request(subject, request)).await {
        Some(answer) => answer.map_err(|error| error.to_string()),
        None => Err(CUT.to_owned()),
    }
}

/// A stream's state and the server's time, from a leader that has not been replaced.
pub(crate) async fn look(context: &Context, stream: &str) -> Result<StreamSeen, PortError> {
    let error = |why: String| PortError::new(format!("read the state of {stream}"), why);
    let asked = Instant::now();
    let answer: Response<RawInfo> =
        request(context, format!("STREAM.INFO.{stream}"), &json!({})).await.map_err(error)?;
    match answer {
        Response::Err { error: why } => Err(error(why.to_string())),
        Response::Ok(raw) => match raw.cluster.doubt(raw.config.num_replicas) {
            Some(doubt) => Err(error(doubt.to_owned())),
            None => Ok(StreamSeen {
                created: timestamp(&raw.created).map_err(error)?,
                first: raw.state.first_seq,
                last: raw.state.last_seq,
                now: timestamp(&raw.ts).map_err(error)?,
                replicas: raw.config.num_replicas,
                asked,
            }),
        },
    }
}

/// A message, where it matters that there is no newer one, or none at all: the leader is looked at
/// side by side.
pub(crate) async fn certain(
    context: &Context,
    stream: &str,
    wanted: Wanted<'_>,
) -> Result<Option<Stored>, PortError> {
    let (_, found) = tokio::try_join!(look(context, stream), get(context, stream, wanted))?;
    Ok(found)
}

/// A message from a server that believes to be the stream's leader.
pub(crate) async fn get(
    context: &Context,
    stream: &str,
    wanted: Wanted<'_>,
) -> Result<Option<Stored>, PortError> {
    let error = |why: String| PortError::new(format!("read a message of {stream}"), why);
    let answer: Response<RawGet> =
        request(context, format!("STREAM.MSG.GET.{stream}"), &wanted).await.map_err(error)?;
    match answer {
        Response::Err { error: why } if why.error_code().0 == NO_MESSAGE_FOUND => Ok(None),
        Response::Err { error: why } => Err(error(why.to_string())),
        Response::Ok(RawGet { message }) => {
            let payload = BASE64_STANDARD.decode(&message.data);
            let headers =
                BASE64_STANDARD.decode(&message.hdrs).map_err(|e| error(e.to_string()))?;
            Ok(Some(Stored {
                sequence: message.seq,
                at: timestamp(&message.time).map_err(error)?,
                subject: message.subject,
                headers: String::from_utf8_lossy(&headers).into_owned(),
                payload: payload.map_err(|e| error(e.to_string()))?.into(),
            }))
        }
    }
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|e| format!("time {text:?}: {e}"))?;
    from_nanos(at.unix_timestamp_nanos())
}

/// Microseconds from the server's nanoseconds.
pub(crate) fn from_nanos(nanos: i128) -> Result<Timestamp, String> {
    let micros = i64::try_from(nanos.div_euclid(1_000));
    micros.map(Timestamp).map_err(|_| format!("{nanos} ns is no time"))
}
