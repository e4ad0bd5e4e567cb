//! `earmark resume`: a SKU or an order that failed on an input decides again.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Context, print, safe_mode::refusal, who::Who};
use crate::{
    control::ResumeAnswer,
    error::{Exit, Failure},
    nats::orders,
};

/// Let a quarantined SKU or order decide again, after what made it fail was mended.
///
/// It goes on in the state that it had before the input on which it failed. That input stays a dead
/// letter (`earmark dlq show`); what has come since is decided in its order. If it fails again, it
/// is quarantined again. What is not quarantined goes on as it was.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark dlq ls --reason quarantined
  earmark resume sku CUP --reason 'mended in 0.2.1' --by ann
  earmark inspect sku CUP")]
pub struct Resume {
    /// What it is.
    kind: Kind,
    /// Its key.
    key: String,
    #[command(flatten)]
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A SKU.
    Sku,
    /// An order.
    Order,
}

impl Resume {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let kind = match self.kind {
            Kind::Sku => "sku",
            Kind::Order => "order",
        };
        let (by, reason) = (self.who.by()?, self.who.reason()?);
        let request = json!({ kind: self.key, "by": by, "reason": reason });
        let nats = context.connect("resume").await?;
        let within = Duration::from_millis(context.settings.nats.request_timeout_ms);
        let answer = orders::ask_to_resume(&nats.client(), &request, within).await?;
        let answer = answer.ok_or_else(|| {
            Failure::new(Exit::Failed, "no pod listens")
                .advise("start one; pods with cluster.ownership = \"all\" take no orders")
        })?;
        match &answer {
            ResumeAnswer::Refused(refused) => return Err(refusal(refused)),
            ResumeAnswer::Said { .. } if context.json => print::json(&answer),
            ResumeAnswer::Said { resume, partition, audit } => print::line(format!(
                "{kind} {} decides again as soon as the owner of partition {partition} hears it, if it \
                 is quarantined; EARMARK_AUDIT has it at {audit}",
                resume.key
            )),
        }
        Ok(Exit::Done)
    }
}
