//! What is read: stock for each SKU, and then holds of one unit, some more than there is stock for.

use bytes::Bytes;
use earmark::{contract::time, domain::time::Timestamp, ports::LogMessage};

use crate::ports::now;

/// Goods that come in, made as they are read: what is measured is what is kept of them.
pub fn stock(skus: usize) -> impl Iterator<Item = LogMessage> + Send {
    let now = now();
    let message = move |n: usize| {
        let data = r#"{"location":"MAIN","quantity":60,"reference":"first"}"#;
        let kind = "stock.received.v1";
        let payload = event(now, "/wms/main", &format!("stock-{n}"), kind, n, None, data);
        stored(n, now, "fulfilment", payload)
    };
    (0..skus).map(message)
}

/// Requests, spread over the SKUs.
pub fn holds(events: usize, skus: usize, answered: bool) -> Vec<LogMessage> {
    let now = now();
    let message = |n: usize| {
        let data = format!(
            r#"{{"hold":"hold-{n:07}","owner":"cart-{n}","kind":"cart","quantity":1,"ttl_s":3600}}"#
        );
        let id = format!("hold-{n:07}");
        let reply = answered.then_some(n);
        let sku = n.wrapping_mul(7_919) % skus;
        let payload = event(now, "/shop/web", &id, "hold.requested.v1", sku, reply, &data);
        stored(n, now, "demand", payload)
    };
    (0..events).map(message).collect()
}

fn stored(n: usize, at: Timestamp, lane: &str, payload: String) -> LogMessage {
    let subject = format!("earmark.p.0.{lane}.sku");
    LogMessage { sequence: n as u64 + 1, at, subject, payload: Bytes::from(payload) }
}

fn event(
    now: Timestamp,
    source: &str,
    id: &str,
    kind: &str,
    sku: usize,
    reply: Option<usize>,
    data: &str,
) -> String {
    let reply = reply.map(|n| format!(r#""replyto":"_INBOX.bench.{n}","#)).unwrap_or_default();
    let said =
        format!(r#""id":"{id}","source":"{source}","type":"{kind}","subject":"SKU-{sku:05}""#);
    let time = time::format(now);
    format!(r#"{{"specversion":"1.0",{said},"time":"{time}",{reply}"data":{data}}}"#)
}
