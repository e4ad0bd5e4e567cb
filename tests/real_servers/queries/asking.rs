//! Asking as a client does: by the micro service, and by HTTP.

use std::time::Duration;

use async_nats::{Client, Message};
use serde_json::{Value, json};

use crate::{
    harness::wait_for,
    world::{BOUND, World},
};

/// The pod's token.
pub const TOKEN: &str = "the-token-of-this-test";
/// A pod that answers by HTTP, too, and does not take long to say that it cannot.
pub const SETTINGS: &[(&str, &str)] =
    &[("EARMARK__HTTP__TOKEN", TOKEN), ("EARMARK__QUERY__WITHIN_MS", "700")];

/// What the service said.
#[derive(Debug)]
pub struct Said {
    /// The answer, as JSON; `null` if there is none.
    pub body: Value,
    /// The code and the words of an error.
    pub error: Option<(u64, String, String)>,
}

impl Said {
    fn of(message: &Message) -> Said {
        let header = |name| {
            let value = message.headers.as_ref()?.get(name)?;
            Some(value.as_str().to_owned())
        };
        let error = header("Nats-Service-Error-Code").map(|status| {
            let status = status.parse().expect("a number");
            let code = header("Earmark-Code").expect("there is a code");
            (status, code, header("Nats-Service-Error").expect("there are words"))
        });
        let body = serde_json::from_slice(&message.payload).unwrap_or_default();
        Said { body, error }
    }

    /// The answer, if it is one.
    #[track_caller]
    pub fn answer(self) -> Value {
        assert!(self.error.is_none(), "{self:?}");
        self.body
    }

    /// An error of this status and code; its words.
    #[track_caller]
    pub fn refused(self, status: u64, code: &str) -> String {
        let Some((found, name, words)) = &self.error else { panic!("no error: {self:?}") };
        assert_eq!((*found, name.as_str()), (status, code), "{self:?}");
        words.clone()
    }
}

/// Sends any bytes to a subject, and waits for what is said.
pub async fn send(client: &Client, subject: &str, bytes: &[u8]) -> Said {
    let payload = bytes.to_vec().into();
    let request =
        async_nats::Request::new().payload(payload).timeout(Some(Duration::from_secs(10)));
    let said = client.send_request(subject.to_owned(), request).await;
    Said::of(&said.unwrap_or_else(|error| panic!("{subject}: {error}")))
}

/// What the service says of a SKU.
pub async fn sku(world: &World, key: &str) -> Value {
    let question = json!({"sku": key}).to_string();
    send(&world.context.client(), "earmark.query.sku", question.as_bytes()).await.answer()
}

/// What the service says of a SKU once its partition has found out that it has read everything:
/// a moment after it began to serve.
pub async fn exact(world: &World, key: &str) -> Value {
    wait_for("the answer is exact", BOUND, async || {
        let answer = sku(world, key).await;
        (answer["certainty"] == "exact").then_some(answer)
    })
    .await
}

/// What the service says of an order.
pub async fn order(world: &World, key: &str) -> Said {
    let question = json!({"order": key}).to_string();
    send(&world.context.client(), "earmark.query.order", question.as_bytes()).await
}

/// Asks a pod by HTTP: the status, `Retry-After`, and the body.
pub async fn get(port: u16, path: &str, token: &str) -> (u16, Option<String>, Value) {
    let url = format!("http://127.0.0.1:{port}{path}");
    let asked = reqwest::Client::new().get(url).bearer_auth(token).send().await;
    let said = asked.expect("the pod answers");
    let retry = said.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    let status = said.status().as_u16();
    (status, retry, said.json().await.unwrap_or_default())
}

/// Whether an answer says all of this.
#[track_caller]
pub fn says(answer: &Value, expected: Value) {
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&answer[name], value, "{name} of {answer}");
    }
}
