//! Questions over NATS: the micro service `earmark`, the pods that ask one another, and the leases
//! that they go by when nobody answers.
//!
//! Promises: any pod answers; a partition's own subject is heard only while this pod serves it, and
//! what comes there is never passed on; whatever is asked gets an answer, or an error with a code
//! and words.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_nats::{
    Client, HeaderMap, Message, Request as ClientRequest, RequestErrorKind,
    jetstream::Context,
    service::{
        NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE, Request, Service, ServiceExt, endpoint,
        error::Error as ServiceError,
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio_util::task::AbortOnDropHandle;

use super::{
    cut::{self, CUT},
    leases::NatsLeases,
    names,
};
use crate::{
    cluster::Lease,
    contract::{EntityType, Limits, document::messages::messages},
    domain::ids::{EntityKey, KEY_ENCODED_MAX_BYTES},
    ports::{Partition, PortError},
    query::{
        Clerk, Code, Heard, Others, Refusal, Silence,
        question::{self, QUESTION_BYTES_MAX},
    },
};

/// The name of the service.
pub const SERVICE: &str = "earmark";
/// The code of a refusal, for programs.
pub const CODE: &str = "Earmark-Code";
/// Says on a partition's subject that its owner says nothing, and why.
const SILENCE: &str = "Earmark-Silence";
/// How long to wait before what failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

// === the pods beside this one ===

/// The pods beside this one, over NATS.
pub struct NatsOthers {
    context: Context,
}

impl NatsOthers {
    /// Asks over this connection.
    pub fn new(context: Context) -> NatsOthers {
        NatsOthers { context }
    }
}

#[async_trait]
impl Others for NatsOthers {
    async fn ask(&self, partition: Partition, key: &EntityKey, within: Duration) -> Heard {
        let client = self.context.client();
        // A key is written as a question is: `{"sku": "..."}`.
        let question = serde_json::to_vec(key).unwrap_or_default();
        let request = ClientRequest::new().payload(question.into()).timeout(Some(within));
        let asked = client.send_request(names::partition_query_subject(partition), request);
        match cut::answer(&client, asked).await {
            Some(Ok(message)) => heard(message),
            Some(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
                Err(Silence::Nobody)
            }
            Some(Err(error)) => Err(Silence::Silent(format!("its owner does not answer: {error}"))),
            None => Err(Silence::Silent(CUT.to_owned())),
        }
    }

    async fn lease(&self, partition: Partition) -> Result<Option<Lease>, PortError> {
        NatsLeases::new(self.context.clone()).lease(partition).await
    }
}

/// What an owner elsewhere said.
fn heard(message: Message) -> Heard {
    let header = |name| message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned());
    let text = header(NATS_SERVICE_ERROR).unwrap_or_default();
    if let Some(silence) = header(SILENCE) {
        return Err(match silence.as_str() {
            "nobody" => Silence::Nobody,
            "set_aside" => Silence::SetAside,
            _ => Silence::Silent(text),
        });
    }
    match header(NATS_SERVICE_ERROR_CODE) {
        None => Ok(Ok(message.payload)),
        Some(_) => Ok(Err(Refusal::read(&header(CODE).unwrap_or_default(), &text))),
    }
}

// === the micro service ===

/// The service of a pod, and the subjects of the partitions that it serves.
pub struct QueryService {
    service: Service,
    _hearing: [AbortOnDropHandle<()>; 3],
}

impl QueryService {
    /// Begins to answer.
    pub async fn start(client: Client, clerk: Arc<Clerk>) -> Result<QueryService, PortError> {
        let failed = |error| PortError::new("start the service for questions", error);
        let service = client
            .service_builder()
            .description("What is known of a SKU or an order, as of when, and how sure")
            .start(SERVICE, env!("CARGO_PKG_VERSION"))
            .await
            .map_err(failed)?;
        let mut hearing = Vec::new();
        for (of, subject) in
            [(EntityType::Sku, names::QUERY_SKU), (EntityType::Order, names::QUERY_ORDER)]
        {
            let endpoint = service.endpoint_builder().name(of.as_str()).metadata(metadata(of));
            let endpoint = endpoint.add(subject).await.map_err(failed)?;
            hearing.push(spawned(answer_all(of, endpoint, client.clone(), clerk.clone())));
        }
        let partitions = spawned(hear_partitions(client, clerk));
        match <[_; 2]>::try_from(hearing) {
            Ok([skus, orders]) => {
                Ok(QueryService { service, _hearing: [skus, orders, partitions] })
            }
            Err(_) => Err(PortError::new("start the service for questions", "no endpoint")),
        }
    }

    /// Answers no more. Other pods do.
    pub async fn stop(self) {
        if let Err(error) = self.service.stop().await {
            tracing::debug!(%error, "the service for questions was not stopped in order");
        }
    }
}

fn spawned(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

/// What whoever looks the service up is told of an endpoint.
fn metadata(of: EntityType) -> HashMap<String, String> {
    let name = of.as_str();
    let request = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": [name],
        "properties": {name: {
            "type": "string", "minLength": 1, "maxLength": KEY_ENCODED_MAX_BYTES,
            "description": "the key as events name it in `subject`, not percent-encoded",
        }},
    });
    HashMap::from([
        ("request_schema".to_owned(), request.to_string()),
        ("request_bytes_max".to_owned(), QUESTION_BYTES_MAX.to_string()),
        ("response_schema".to_owned(), response_schema(of)),
        ("error_code_header".to_owned(), CODE.to_owned()),
    ])
}

/// Without its examples, which `earmark contracts schema` has.
fn response_schema(of: EntityType) -> String {
    let place = format!("out/{}_answer", of.as_str());
    let known = messages(&Limits::default()).into_iter().find(|known| known.place() == place);
    let mut schema = known.map(|known| known.schema).unwrap_or_default();
    if let Some(keywords) = schema.as_object_mut() {
        keywords.remove("examples");
    }
    schema.to_string()
}

async fn answer_all(
    of: EntityType,
    mut questions: endpoint::Endpoint,
    client: Client,
    clerk: Arc<Clerk>,
) {
    while let Some(request) = questions.next().await {
        // How many are under way is the clerk's to bound.
        let (client, clerk) = (client.clone(), clerk.clone());
        drop(tokio::spawn(async move { answer(of, &request, &client, &clerk).await }));
    }
}

async fn answer(of: EntityType, request: &Request, client: &Client, clerk: &Clerk) {
    if request.message.reply.is_none() {
        return;
    }
    let answer = match question::parse(of, &request.message.payload) {
        Ok(key) => clerk.ask(&key).await,
        Err(refusal) => Err(refusal),
    };
    let answer = answer.and_then(|answer| fitting(answer, client));
    let mut headers = HeaderMap::new();
    let answer = answer.map_err(|refusal| {
        headers.insert(CODE, refusal.code.as_str());
        ServiceError { status: refusal.text(), code: refusal.code.status().into() }
    });
    if let Err(error) = request.respond_with_headers(answer, headers).await {
        tracing::debug!(%error, "an answer did not leave");
    }
}

/// An answer that fits a message.
fn fitting(answer: Bytes, client: &Client) -> Result<Bytes, Refusal> {
    let max = client.server_info().max_payload;
    if answer.len() <= max {
        return Ok(answer);
    }
    let what = format!("the answer has {} bytes, and a message at most {max}", answer.len());
    Err(Refusal::new(Code::AnswerTooLarge, what))
}

// === for other pods ===

/// Hears the subjects of the partitions that are served here, as that changes.
async fn hear_partitions(client: Client, clerk: Arc<Clerk>) {
    let mut opened = clerk.desks().opened();
    let mut heard: HashMap<Partition, AbortOnDropHandle<()>> = HashMap::new();
    loop {
        let open: Vec<Partition> = opened.borrow_and_update().keys().copied().collect();
        heard.retain(|partition, _| open.contains(partition));
        for partition in open {
            heard.entry(partition).or_insert_with(|| {
                spawned(hear_partition(partition, client.clone(), clerk.clone()))
            });
        }
        if opened.changed().await.is_err() {
            return;
        }
    }
}

async fn hear_partition(partition: Partition, client: Client, clerk: Arc<Clerk>) {
    loop {
        match client.subscribe(names::partition_query_subject(partition)).await {
            Ok(mut questions) => {
                while let Some(message) = questions.next().await {
                    let (client, clerk) = (client.clone(), clerk.clone());
                    drop(tokio::spawn(async move {
                        answer_pod(partition, message, &client, &clerk).await;
                    }));
                }
            }
            Err(error) => tracing::debug!(partition, %error, "its questions are not heard yet"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

async fn answer_pod(partition: Partition, message: Message, client: &Client, clerk: &Clerk) {
    let Some(reply) = message.reply else { return };
    let heard = match serde_json::from_slice(&message.payload) {
        Ok(key) => clerk.ask_here(partition, &key).await,
        Err(why) => {
            let what = format!("the question of a pod cannot be read: {why}");
            Ok(Err(Refusal::new(Code::Malformed, what)))
        }
    };
    let (headers, payload) = written(heard, client);
    if let Err(error) = client.publish_with_headers(reply, headers, payload).await {
        tracing::debug!(partition, %error, "an answer did not leave");
    }
}

fn written(heard: Heard, client: &Client) -> (HeaderMap, Bytes) {
    let mut headers = HeaderMap::new();
    match heard.map(|answer| answer.and_then(|answer| fitting(answer, client))) {
        Ok(Ok(answer)) => return (headers, answer),
        Ok(Err(refusal)) => {
            headers.insert(CODE, refusal.code.as_str());
            headers.insert(NATS_SERVICE_ERROR_CODE, refusal.code.status().to_string().as_str());
            headers.insert(NATS_SERVICE_ERROR, refusal.text().as_str());
        }
        Err(silence) => {
            let (code, text) = match &silence {
                Silence::Nobody => ("nobody", ""),
                Silence::SetAside => ("set_aside", ""),
                Silence::Silent(why) => ("silent", why.as_str()),
            };
            headers.insert(SILENCE, code);
            headers.insert(NATS_SERVICE_ERROR, text);
        }
    }
    (headers, Bytes::new())
}
