//! What a request says: its form, how long it waits, and its body within all bounds.
//!
//! Promises: no more of a body is kept than the settings say. Of one that is not wanted the rest is
//! read if it is small, so that the client's connection can go on; else the connection is closed,
//! and the client told so.

use std::time::Duration;

use axum::{
    body::BodyDataStream,
    http::{HeaderMap, HeaderValue, StatusCode, header},
};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::OwnedSemaphorePermit;

use super::{door::Door, problem::Problem};
use crate::config::checked;

/// The content type of one event.
pub const EVENT: &str = "application/cloudevents+json";
/// The content type of many.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// What a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One event.
    Event,
    /// A list of events.
    Batch,
}

impl Form {
    /// What the headers say that the body is.
    pub fn of(headers: &HeaderMap) -> Result<Form, Box<Problem>> {
        let said = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        if let Some(coding) = said(header::CONTENT_ENCODING).filter(|coding| coding != "identity") {
            let found = format!("Content-Encoding: {coding}");
            return Err(unsupported(found, "a body that is not compressed"));
        }
        let Some(content_type) = said(header::CONTENT_TYPE) else {
            return Err(unsupported("no Content-Type".to_owned(), &expected()));
        };
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        match media_type {
            said if said.eq_ignore_ascii_case(EVENT) => Ok(Form::Event),
            said if said.eq_ignore_ascii_case(BATCH) => Ok(Form::Batch),
            said => Err(unsupported(format!("Content-Type: {said}"), &expected())),
        }
    }
}

fn expected() -> String {
    format!("Content-Type: {EVENT} for one event, {BATCH} for a list")
}

fn unsupported(found: String, expected: &str) -> Box<Problem> {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "the body is of a kind that is not taken",
        "send CloudEvents in structured JSON, and say so",
    )
    .found(found.chars().take(200).collect::<String>(), expected)
}

/// How long a request waits for decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// So long.
    pub span: Duration,
    /// How many seconds of what was asked are given, if anything was asked.
    pub applied_s: Option<u64>,
}

impl Wait {
    /// What the headers ask for (RFC 7240), within the settings.
    pub fn of(headers: &HeaderMap, settings: &checked::Http) -> Wait {
        match asked(headers) {
            Some(seconds) => {
                let seconds = seconds.min(settings.wait_max.as_secs());
                Wait { span: Duration::from_secs(seconds), applied_s: Some(seconds) }
            }
            None => Wait { span: settings.wait, applied_s: None },
        }
    }
}

impl Wait {
    /// Says in a response what was applied, if anything was asked.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let applied =
            self.applied_s.map(|seconds| HeaderValue::try_from(format!("wait={seconds}")));
        if let Some(Ok(applied)) = applied {
            headers.insert("preference-applied", applied);
        }
    }
}

/// The first `wait`; what cannot be understood is as good as not said.
fn asked(headers: &HeaderMap) -> Option<u64> {
    let said = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences = said.flat_map(|value| value.split(','));
    let mut waits = preferences.filter_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"'))
    });
    let wait = waits.next()?;
    let digits = !wait.is_empty() && wait.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| wait.parse().unwrap_or(u64::MAX))
}

/// How much of a body that is not wanted is read, and for how long.
const DISCARDED_BYTES_MAX: usize = 64 * 1024;
const DISCARDED_WITHIN: Duration = Duration::from_secs(1);

/// Reads what is left of a body that is not wanted; whether it came to its end.
pub async fn discard(body: &mut BodyDataStream) -> bool {
    let read = async {
        let mut left = DISCARDED_BYTES_MAX;
        while let Some(part) = body.next().await {
            let bytes = part.map_or(usize::MAX, |part| part.len());
            match left.checked_sub(bytes) {
                Some(less) => left = less,
                None => return false,
            }
        }
        true
    };
    tokio::time::timeout(DISCARDED_WITHIN, read).await.unwrap_or(false)
}

/// Reads a body, and holds the room that it takes.
pub async fn body(
    door: &Door,
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<(Bytes, OwnedSemaphorePermit), Box<Problem>> {
    let max = door.settings.body_bytes_max;
    let said =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(bytes) = said.filter(|bytes| *bytes > max) {
        return Err(too_large(&format!("{bytes} bytes"), max));
    }
    let room = door.room_for_body(said.unwrap_or(max))?;
    let within = door.settings.body_within;
    let read = tokio::time::timeout(within, read(body, max)).await;
    Ok((read.map_err(|_| slow(within))??, room))
}

async fn read(body: &mut BodyDataStream, max: usize) -> Result<Bytes, Box<Problem>> {
    let mut read = BytesMut::new();
    while let Some(part) = body.next().await {
        let part = part.map_err(|error| broken(&error.to_string()))?;
        if read.len() + part.len() > max {
            return Err(too_large("more", max));
        }
        read.extend_from_slice(&part);
    }
    Ok(read.freeze())
}

fn too_large(found: &str, max: usize) -> Box<Problem> {
    let action = "send several smaller requests";
    let title = "the body is too large";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", title, action)
        .found(found, format!("at most {max} bytes (http.body_bytes_max)"))
}

fn slow(within: Duration) -> Box<Problem> {
    let title = "the body did not come in time";
    let action = "send the same again over a faster connection, or in smaller requests";
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", title, action)
        .found("a part of it", format!("all of it within {} ms", within.as_millis()))
}

fn broken(why: &str) -> Box<Problem> {
    let title = "the body could not be read";
    Problem::new(StatusCode::BAD_REQUEST, "body_broken", title, "send the same again")
        .found(why, "the whole body")
}
