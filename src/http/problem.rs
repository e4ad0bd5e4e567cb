//! What is wrong with a request, as problem details (RFC 9457): every refusal of the door has a
//! status, a code that is stable, and says what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};

use crate::{
    contract::{Rejection, Rule},
    domain::refusal::Reason,
};

/// What the type of a problem begins with; its code follows.
const TYPE: &str = "urn:earmark:problem:";
/// The content type of problem details.
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What is wrong, and what to do.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    r#type: String,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    action: String,
    /// After how many seconds the same request may go better.
    #[serde(skip)]
    retry_after_s: Option<u32>,
    /// The connection cannot be used any more.
    #[serde(skip)]
    closes: bool,
}

fn number<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem with its code, what it is, and what to do.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        action: impl Into<String>,
    ) -> Box<Problem> {
        Box::new(Problem {
            r#type: format!("{TYPE}{code}"),
            title,
            status,
            detail: String::new(),
            code,
            rule: None,
            field: None,
            found: None,
            expected: None,
            action: action.into(),
            retry_after_s: None,
            closes: false,
        })
        .told()
    }

    /// The same, with what was found and what was expected.
    pub fn found(
        mut self: Box<Self>,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Box<Problem> {
        self.found = Some(found.into());
        self.expected = Some(expected.into());
        self.told()
    }

    /// The same, in these words.
    pub fn detailed(mut self: Box<Self>, detail: String) -> Box<Problem> {
        self.detail = detail;
        self
    }

    /// The same, which may be over in so many seconds.
    pub fn retry_after(mut self: Box<Self>, seconds: u32) -> Box<Problem> {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same, with the end of the connection.
    pub fn closing(mut self: Box<Self>) -> Box<Problem> {
        self.closes = true;
        self
    }

    /// The same, said in one sentence too.
    fn told(mut self: Box<Self>) -> Box<Problem> {
        self.detail = match (&self.found, &self.expected) {
            (Some(found), Some(expected)) => {
                format!("{}: found {found}, expected {expected}; {}", self.title, self.action)
            }
            _ => format!("{}; {}", self.title, self.action),
        };
        self
    }
}

impl From<&Rejection> for Box<Problem> {
    fn from(rejection: &Rejection) -> Box<Problem> {
        let status = match rejection.rule {
            Rule::EventSize => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        let title = "the event does not follow the contract";
        let mut problem =
            Problem::new(status, rejection.reason.as_str(), title, rejection.action.clone())
                .found(rejection.found.clone(), rejection.expected.clone());
        problem.detail = rejection.to_string();
        problem.rule = Some(rejection.rule.as_str());
        problem.field = rejection.field.clone();
        problem
    }
}

impl IntoResponse for Box<Problem> {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(&*self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PROBLEM);
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"earmark\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Nothing is served there.
pub fn not_found() -> Box<Problem> {
    let action = "post events to /v1/events; an event whose decision took longer says where its \
                  answer will be";
    Problem::new(StatusCode::NOT_FOUND, "not_found", "nothing is served here", action)
}

/// It is served to other methods.
pub fn method_not_allowed() -> Box<Problem> {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this is not served to this method",
        "use the method that the header Allow names",
    )
}

/// There is no log to hand events to.
pub fn not_connected() -> Box<Problem> {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_connected",
        "the pod is starting, leaving, or has no connection to the log",
        "post the same again later; /readyz says how the pod stands",
    )
    .retry_after(1)
}

/// The log does not answer.
pub fn log_unreachable(why: &str) -> Box<Problem> {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "log_unreachable",
        "it is not known whether the log has the event",
        "post the same event again, with the same source and id: it is decided once",
    )
    .found(why, "the log's acknowledgement")
    .retry_after(1)
}

/// The log has no room.
pub fn log_full(why: &str) -> Box<Problem> {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "log_full",
        "the log is full until it is read",
        "post the same event again later",
    )
    .found(why, "room in the log")
    .retry_after(5)
}

/// The log never takes a message of this size.
pub fn too_large_for_log(why: &str) -> Box<Problem> {
    let action = "split it into smaller events";
    let title = "the event is too large for the log";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", title, action)
        .found(why, "an event that fits a message of the log")
}

/// Too much is under way.
pub fn busy(found: String, expected: String) -> Box<Problem> {
    Problem::new(
        StatusCode::TOO_MANY_REQUESTS,
        "busy",
        "too much is under way",
        "post the same again later; nothing of this request was taken",
    )
    .found(found, expected)
    .retry_after(1)
}

/// Safe mode puts off what was asked: it is in the log, and was not decided.
pub fn put_off(seconds: u32) -> Box<Problem> {
    let action = format!("post the same event again in {seconds} s: nothing was decided of it");
    let title = "more is asked for than can be decided now";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, Reason::Busy.as_str(), title, action)
        .retry_after(seconds)
}
