//! `GET /v1/skus/<sku>` and `GET /v1/orders/<order>`: what is known, as of when, and how sure.

use axum::{
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;

use super::{Site, problem::Problem};
use crate::{
    contract::EntityType,
    query::{Code, Refusal, question},
};

type Named = Result<Path<String>, PathRejection>;

/// What is known of a SKU.
pub async fn sku(State(site): State<Site>, named: Named, headers: HeaderMap) -> Response {
    answered(EntityType::Sku, &site, named, &headers).await
}

/// What is known of an order.
pub async fn order(State(site): State<Site>, named: Named, headers: HeaderMap) -> Response {
    answered(EntityType::Order, &site, named, &headers).await
}

async fn answered(of: EntityType, site: &Site, named: Named, headers: &HeaderMap) -> Response {
    match answer(of, site, named, headers).await {
        Ok(answer) => ([(CONTENT_TYPE, "application/json")], answer).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn answer(
    of: EntityType,
    site: &Site,
    named: Named,
    headers: &HeaderMap,
) -> Result<Bytes, Box<Problem>> {
    let door = site.door()?;
    door.admit(headers)?;
    let clerk = door.clerk()?;
    let named = named.map_err(|why| {
        Refusal::new(Code::InvalidKey, format!("this is no key: {}", why.body_text()))
    });
    let Path(named) = named?;
    let key = question::key(of, &named)?;
    Ok(clerk.ask(&key).await?)
}

impl From<Refusal> for Box<Problem> {
    fn from(refusal: Refusal) -> Box<Problem> {
        let code = refusal.code;
        let status = StatusCode::from_u16(code.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Problem::new(status, code.as_str(), code.title(), code.action());
        let problem = problem.detailed(refusal.text());
        match code {
            Code::Busy | Code::NotServed | Code::Failed => problem.retry_after(1),
            _ => problem,
        }
    }
}
