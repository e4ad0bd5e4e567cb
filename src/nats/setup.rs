//! Bringing the streams and buckets to what the settings want, and saying what that changes.
//!
//! Promises: [`plan`] compares and changes nothing; [`apply`] may be repeated, and the second time
//! there is nothing to do. The number of partitions, once set up, is never changed: both refuse.
//! What an operator added to a stream beyond what is managed here is left alone.

use std::{fmt, time::Duration};

use async_nats::jetstream::{
    Context,
    context::{
        CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind,
        KeyValueErrorKind,
    },
    stream::Config,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::{
    names,
    streams::{StreamSettings, wanted},
};
use crate::ports::{Partition, PortError};

/// The fields of a stream's configuration that are managed, by their names in the server's API.
const MANAGED: [&str; 17] = [
    "subjects",
    "retention",
    "storage",
    "discard",
    "num_replicas",
    "max_bytes",
    "max_age",
    "max_msg_size",
    "max_msgs_per_subject",
    "duplicate_window",
    "subject_transform",
    "allow_rollup_hdrs",
    "deny_delete",
    "allow_direct",
    "allow_msg_ttl",
    "subject_delete_marker_ttl",
    "persist_mode",
];

/// Managed only where a value is wanted: otherwise the server puts in its own.
const OPTIONAL: [&str; 2] = ["duplicate_window", "allow_direct"];

/// `insufficient storage resources available`: the server sets aside what a stream may hold.
const NO_ROOM: u64 = 10_047;
/// What a server refuses for a moment: `no suitable peers for placement` while those of a cluster
/// find each other, `JetStream system temporarily unavailable` while they have no leader, and
/// `error creating store for stream` while one clears away streams that were deleted just now.
const NOT_YET: [u64; 3] = [10_005, 10_008, 10_077];
/// How long, and how often, it is tried again.
const PATIENCE: Duration = Duration::from_secs(5);
const AGAIN_EVERY: Duration = Duration::from_millis(100);

/// Why set-up did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The number of partitions is fixed.
    #[error("{found_in} was set up with {stored} partitions, and {wanted} are configured")]
    PartitionsDiffer {
        /// Where the number was found.
        found_in: &'static str,
        /// What was set up.
        stored: Partition,
        /// What is configured.
        wanted: Partition,
    },
    /// The settings contradict themselves.
    #[error("{0}")]
    Settings(String),
    /// The server may not keep as much as the streams are to hold.
    #[error("{stream} finds no room on the server: the streams are to hold {bytes} bytes in all")]
    NoRoom {
        /// The first stream that found none.
        stream: String,
        /// What all streams may hold together.
        bytes: i64,
    },
    /// The server did not do it.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A field that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its name in the server's API.
    pub field: String,
    /// What it is.
    pub from: Value,
    /// What it should be.
    pub to: Value,
}

/// What has to be done to a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// It is not there.
    Create {
        /// The stream.
        stream: String,
    },
    /// It is there and differs.
    Update {
        /// The stream.
        stream: String,
        /// In what.
        fields: Vec<FieldChange>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Create { stream } => write!(f, "+ {stream}"),
            Change::Update { stream, fields } => {
                write!(f, "~ {stream}")?;
                fields.iter().try_for_each(|FieldChange { field, from, to }| {
                    write!(f, "\n    {field}: {from} -> {to}")
                })
            }
        }
    }
}

/// What was fixed at set-up, in the cluster's bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The number of partitions.
    pub partitions: Partition,
}

/// What lies between what there is and what is wanted.
pub fn plan(current: &[Config], wanted: &[Config]) -> Vec<Change> {
    let change = |wanted: &Config| {
        let stream = wanted.name.clone();
        match current.iter().find(|current| current.name == wanted.name) {
            None => Some(Change::Create { stream }),
            Some(current) => {
                let fields = differences(&fields_of(current), &fields_of(wanted));
                (!fields.is_empty()).then_some(Change::Update { stream, fields })
            }
        }
    };
    wanted.iter().filter_map(change).collect()
}

/// What [`apply`] would do.
pub async fn preview(
    context: &Context,
    settings: &StreamSettings,
) -> Result<Vec<Change>, SetupError> {
    check(settings)?;
    refuse_other_partitions(context, settings).await?;
    let wanted = wanted(settings, context.client().max_payload());
    Ok(plan(&current(context, &wanted).await?, &wanted))
}

/// Makes it so, and says what was changed.
pub async fn apply(
    context: &Context,
    settings: &StreamSettings,
) -> Result<Vec<Change>, SetupError> {
    check(settings)?;
    refuse_other_partitions(context, settings).await?;
    let wanted = wanted(settings, context.client().max_payload());
    let current = current(context, &wanted).await?;
    let changes = plan(&current, &wanted);
    for change in &changes {
        let (Change::Create { stream } | Change::Update { stream, .. }) = change;
        let error = |why: String| PortError::new(format!("set up {stream}"), why);
        let refused = |refused: CreateStreamError| match refused.kind() {
            CreateStreamErrorKind::JetStream(why) if why.error_code().0 == NO_ROOM => {
                let bytes = wanted.iter().map(|config| config.max_bytes.max(0)).sum();
                SetupError::NoRoom { stream: stream.clone(), bytes }
            }
            _ => error(refused.to_string()).into(),
        };
        let Some(config) = wanted.iter().find(|config| config.name == *stream) else { continue };
        match current.iter().find(|config| config.name == *stream) {
            None => patiently(async || create(context, config).await).await.map_err(refused)?,
            Some(current) => {
                let merged = merge(current, config).map_err(error)?;
                patiently(async || update(context, &merged).await).await.map_err(refused)?;
            }
        }
    }
    fix(context, settings).await?;
    Ok(changes)
}

async fn create(context: &Context, config: &Config) -> Result<(), CreateStreamError> {
    context.create_stream(config.clone()).await.map(drop)
}

async fn update(context: &Context, config: &Config) -> Result<(), CreateStreamError> {
    context.update_stream(config).await.map(drop)
}

/// Asks again, for a while, where the server cannot yet.
async fn patiently(
    ask: impl AsyncFn() -> Result<(), CreateStreamError>,
) -> Result<(), CreateStreamError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Err(error) if is_not_yet(&error) && Instant::now() < deadline => {
                sleep(AGAIN_EVERY).await;
            }
            answer => return answer,
        }
    }
}

fn is_not_yet(error: &CreateStreamError) -> bool {
    let CreateStreamErrorKind::JetStream(why) = error.kind() else { return false };
    NOT_YET.contains(&why.error_code().0)
}

/// What was fixed at set-up, or `None` before it: a process that is configured otherwise must not
/// start.
pub async fn fixed(context: &Context) -> Result<Option<Fixed>, PortError> {
    let error = |why: String| PortError::new("read what was fixed at set-up", why);
    let bucket = match context.get_key_value(names::CLUSTER).await {
        Ok(bucket) => bucket,
        Err(e) if e.kind() == KeyValueErrorKind::GetBucket && is_missing(context).await? => {
            return Ok(None);
        }
        Err(e) => return Err(error(e.to_string())),
    };
    let bytes = bucket.get(names::SETTINGS_KEY).await.map_err(|e| error(e.to_string()))?;
    let parse = |bytes: bytes::Bytes| serde_json::from_slice(&bytes);
    bytes.map(parse).transpose().map_err(|e| error(e.to_string()))
}

/// Whether there is such a stream.
pub async fn exists(context: &Context, stream: &str) -> Result<bool, PortError> {
    Ok(config(context, stream).await?.is_some())
}

async fn is_missing(context: &Context) -> Result<bool, PortError> {
    Ok(config(context, names::CLUSTER_STREAM).await?.is_none())
}

fn check(settings: &StreamSettings) -> Result<(), SetupError> {
    let complaint = match settings {
        StreamSettings { partitions: 0, .. } => "there must be a partition",
        StreamSettings { replicas, .. } if ![1, 3].contains(replicas) => "replicas must be 1 or 3",
        StreamSettings { async_persistence: true, replicas: 3, .. } => {
            "async_persistence is for one replica only"
        }
        _ => return Ok(()),
    };
    Err(SetupError::Settings(complaint.to_owned()))
}

/// Refuses settings with another number of partitions than set-up fixed, if it did.
pub async fn refuse_other_partitions(
    context: &Context,
    settings: &StreamSettings,
) -> Result<(), SetupError> {
    let wanted = settings.partitions;
    let refuse = |found_in, stored: Option<Partition>| match stored {
        Some(stored) if stored != wanted => {
            Err(SetupError::PartitionsDiffer { found_in, stored, wanted })
        }
        _ => Ok(()),
    };
    let metadata = config(context, names::IN).await?.map(|config| config.metadata);
    let stored = metadata.and_then(|m| m.get(names::PARTITIONS_METADATA)?.parse().ok());
    refuse(names::IN, stored)?;
    refuse(names::CLUSTER, fixed(context).await?.map(|fixed| fixed.partitions))
}

/// Writes down what is fixed from now on, unless it is written.
async fn fix(context: &Context, settings: &StreamSettings) -> Result<(), SetupError> {
    let error = |why: String| PortError::new("write down what is fixed", why);
    if fixed(context).await?.is_some() {
        return Ok(());
    }
    let bucket = context.get_key_value(names::CLUSTER).await.map_err(|e| error(e.to_string()))?;
    let fixed = Fixed { partitions: settings.partitions };
    let bytes = serde_json::to_vec(&fixed).map_err(|e| error(e.to_string()))?;
    // Whoever came first is right: the next start compares.
    bucket.create(names::SETTINGS_KEY, bytes.into()).await.map_err(|e| error(e.to_string()))?;
    Ok(())
}

async fn current(context: &Context, wanted: &[Config]) -> Result<Vec<Config>, PortError> {
    let mut found = Vec::new();
    for stream in wanted {
        found.extend(config(context, &stream.name).await?);
    }
    Ok(found)
}

async fn config(context: &Context, stream: &str) -> Result<Option<Config>, PortError> {
    match context.get_stream(stream).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) if is_not_there(&error) => Ok(None),
        Err(error) => Err(PortError::new(format!("read the configuration of {stream}"), error)),
    }
}

/// Whether there is no such stream, as the server says.
pub(super) fn is_not_there(error: &GetStreamError) -> bool {
    matches!(error.kind(), GetStreamErrorKind::JetStream(why) if why.code() == 404)
}

fn fields_of(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

fn differences(current: &Map<String, Value>, wanted: &Map<String, Value>) -> Vec<FieldChange> {
    let difference = |field: &&str| {
        let (from, to) = (plain(current.get(*field)), plain(wanted.get(*field)));
        let kept = to.is_null() && OPTIONAL.contains(field);
        (from != to && !kept).then(|| FieldChange { field: (*field).to_owned(), from, to })
    };
    MANAGED.iter().filter_map(difference).collect()
}

/// All ways to say "not set" are one.
fn plain(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Bool(false)) => Value::Null,
        Some(Value::Number(n)) if n.as_i64().is_some_and(|n| n <= 0) => Value::Null,
        Some(Value::String(s)) if s.is_empty() || s == "default" => Value::Null,
        Some(value) => value.clone(),
    }
}

/// The current configuration with what is managed replaced.
fn merge(current: &Config, wanted: &Config) -> Result<Config, String> {
    let (mut merged, wanted) = (fields_of(current), fields_of(wanted));
    for change in differences(&merged, &wanted) {
        match wanted.get(&change.field) {
            Some(value) => merged.insert(change.field, value.clone()),
            None => merged.remove(&change.field),
        };
    }
    serde_json::from_value(Value::Object(merged)).map_err(|error| error.to_string())
}
