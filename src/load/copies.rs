//! Copies of what the logs of a long load test forget, so that all of it can be checked at the end:
//! mirrors of them in an account of their own on the same server, which forget nothing.
//!
//! Promise: a copy has the name of its log, and what it has stands at the same sequence, under the
//! same subject and with the same time; whoever reads logs reads copies without knowing.

use std::time::Duration;

use async_nats::jetstream::{
    Context,
    stream::{Config, External, Source},
};
use tokio::time::{Instant, sleep};

use super::process::LOOK_EVERY;
use crate::{
    error::{Exit, Failure},
    nats::{NatsSettings, connect::open_role, names},
};

/// The logs that are copied.
const LOGS: [&str; 4] = [names::IN, names::JOURNAL, names::OUT, names::DLQ];
/// How long copies may take to have all that their logs have.
const COMPLETE_WITHIN: Duration = Duration::from_secs(60);

/// What the server's configuration says: pods and shoppers, who give no name, are in one account,
/// and copies in another.
pub const ACCOUNTS: &str = r#"no_auth_user: shop
accounts {
  SHOP {
    jetstream: enabled
    users: [{ user: shop, password: shop }]
    exports: [
      { service: "$JS.API.CONSUMER.>" }
      { service: "$JS.FC.>" }
      { stream: "copied.>" }
    ]
  }
  COPIES {
    jetstream: enabled
    users: [{ user: copies, password: copies }]
    imports: [
      { service: { account: SHOP, subject: "$JS.API.CONSUMER.>" }, to: "shop.api.CONSUMER.>" }
      { service: { account: SHOP, subject: "$JS.FC.>" } }
      { stream: { account: SHOP, subject: "copied.>" } }
    ]
  }
}
"#;

/// Where copies are read, on the server of this port.
pub fn url(port: u16) -> String {
    format!("nats://copies:copies@127.0.0.1:{port}")
}

/// Begins to copy, on the server of this port.
pub async fn begin(port: u16) -> Result<(), Failure> {
    let copies = streams(url(port)).await?;
    for log in LOGS {
        let external = External {
            api_prefix: "shop.api".to_owned(),
            delivery_prefix: Some(format!("copied.{log}")),
        };
        let of = Source { name: log.to_owned(), external: Some(external), ..Source::default() };
        let config = Config { name: log.to_owned(), mirror: Some(of), ..Config::default() };
        copies.create_stream(config).await.map_err(Failure::unreachable)?;
    }
    Ok(())
}

/// Returns when copies have all that their logs have.
pub async fn complete(port: u16) -> Result<(), Failure> {
    let shop = streams(format!("nats://127.0.0.1:{port}")).await?;
    let copies = streams(url(port)).await?;
    let until = Instant::now() + COMPLETE_WITHIN;
    for log in LOGS {
        let wanted = last(&shop, log).await?;
        loop {
            let has = last(&copies, log).await?;
            if has >= wanted {
                break;
            }
            if Instant::now() > until {
                let text = format!("the copy of {log} has {has} of {wanted} messages");
                return Err(Failure::new(Exit::TimedOut, text)
                    .advise("see what nats-server wrote, and whether its disk is full"));
            }
            sleep(LOOK_EVERY).await;
        }
    }
    Ok(())
}

async fn last(context: &Context, log: &str) -> Result<u64, Failure> {
    let stream = context.get_stream(log).await.map_err(Failure::unreachable)?;
    Ok(stream.cached_info().state.last_sequence)
}

/// The streams of whoever this address names.
async fn streams(url: String) -> Result<Context, Failure> {
    let settings = NatsSettings { url, ..NatsSettings::default() };
    Ok(open_role(&settings, "copies", settings.request_timeout_ms).await?)
}
