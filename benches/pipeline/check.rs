//! Whether what was delivered is right, judged from the bytes alone and by none of a contestant's
//! code: each request has its one outcome, a repeat the same one, and nothing is sold that is not
//! there, nor refused that is.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail, ensure};
use async_nats::jetstream::{
    consumer::{DeliverPolicy, pull::OrderedConfig},
    context::Context,
};
use earmark::nats::names;
use futures::StreamExt;
use serde::Deserialize;

use crate::{
    listener::Heard,
    log::messages,
    workload::{Kind, Workload},
};

#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    causationid: Option<String>,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    status: Option<String>,
}

/// What became of each request: how often it was told, and whether it was granted.
struct Told1 {
    times: usize,
    granted: bool,
}

/// Checks answers: every event has one, repeats too.
pub fn answers(workload: &Workload, heard: &Heard) -> Result<()> {
    let mut told: HashMap<usize, Told1> = HashMap::new();
    for answer in &heard.answers {
        let Some(request) = answer.token.checked_sub(workload.skus.len()) else { continue };
        let payload = heard.payload(answer);
        let said: Told = serde_json::from_slice(payload).context("an answer is not JSON")?;
        let granted = match said.data.status.as_deref() {
            Some("granted") => true,
            Some("refused") => false,
            other => bail!("request {request} was answered {other:?}"),
        };
        let told = told.entry(request).or_insert(Told1 { times: 0, granted });
        ensure!(told.granted == granted, "request {request} was answered once so and once so");
        told.times += 1;
    }
    let mut published = vec![0; workload.requests.len()];
    workload.published.iter().for_each(|request| published[*request] += 1);
    for (request, published) in published.into_iter().enumerate() {
        let times = told.get(&request).map_or(0, |told| told.times);
        ensure!(times == published, "request {request}: {published} events, {times} answers");
    }
    sold(workload, &told)
}

/// Checks outcomes: every request has one, however often it was published.
pub async fn outcomes(workload: &Workload, context: &Context) -> Result<()> {
    let ids = workload.requests.iter().enumerate().map(|(n, request)| (request.id.as_str(), n));
    let ids: HashMap<&str, usize> = ids.collect();
    let mut told: HashMap<usize, Told1> = HashMap::new();
    let count = messages(context, names::OUT).await? as usize;
    let stream = context.get_stream(names::OUT).await?;
    let policy = DeliverPolicy::All;
    let config = OrderedConfig { deliver_policy: policy, ..OrderedConfig::default() };
    let mut all = stream.create_consumer(config).await?.messages().await?.take(count);
    while let Some(message) = all.next().await {
        let said: Told =
            serde_json::from_slice(&message?.payload).context("an outcome is no JSON")?;
        let granted = match said.kind.as_str() {
            "hold.granted.v1" | "order.reserved.v1" => true,
            "hold.rejected.v1" | "order.rejected.v1" => false,
            other => bail!("an outcome {other}"),
        };
        let cause = said.causationid.unwrap_or_default();
        let request = *ids.get(cause.as_str()).with_context(|| format!("a cause {cause:?}"))?;
        let told = told.insert(request, Told1 { times: 1, granted });
        ensure!(told.is_none(), "request {request} has two outcomes");
    }
    ensure!(told.len() == workload.requests.len(), "{} requests have outcomes", told.len());
    sold(workload, &told)
}

/// Compares what was sold with what there is and what is asked for.
fn sold(workload: &Workload, told: &HashMap<usize, Told1>) -> Result<()> {
    let mut sold = vec![0; workload.skus.len()];
    for (request, _) in told.iter().filter(|(_, told)| told.granted) {
        workload.requests[*request].skus.iter().for_each(|sku| sold[*sku] += 1);
    }
    let sku = |n: usize| &workload.skus[n];
    match workload.kind {
        Kind::Uniform | Kind::Single => {
            for (n, (stock, demand)) in workload.stock.iter().zip(workload.demand()).enumerate() {
                let (sold, wanted) = (sold[n], demand.min(*stock));
                ensure!(sold == wanted, "{}: sold {sold}, expected {wanted}", sku(n));
            }
        }
        Kind::Orders => {
            for (n, stock) in workload.stock.iter().enumerate() {
                ensure!(sold[n] <= *stock, "{}: sold {} of {stock}", sku(n), sold[n]);
            }
            // Where only SKUs are asked for of which there is enough, nothing else than a
            // reservation is right; where one has nothing, nothing else than a refusal.
            let demand = workload.demand();
            for (n, request) in workload.requests.iter().enumerate() {
                let plenty = request.skus.iter().all(|sku| workload.stock[*sku] >= demand[*sku]);
                let none = request.skus.iter().any(|sku| workload.stock[*sku] == 0);
                let granted = told.get(&n).is_some_and(|told| told.granted);
                ensure!(granted || !plenty, "{} was refused", request.id);
                ensure!(!granted || !none, "{} was granted", request.id);
            }
        }
    }
    Ok(())
}
