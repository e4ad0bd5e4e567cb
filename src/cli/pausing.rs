//! `earmark pause` and `earmark resume`: a lane, a partition, a SKU or an order stands still for a
//! while, and goes on.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Context, print, safe_mode::refusal, who::Who};
use crate::{
    contract::time,
    control::{Answer, Changed, Order},
    error::{Exit, Failure},
    nats::names,
};

/// Let a lane, a partition, a SKU or an order stand still for a while.
///
/// Of a lane or partition nothing is read: it waits in the log, untouched. What comes for a SKU or
/// an order waits in its order; beyond `engine.waiting_max` inputs its partition reads nothing
/// more. Holds of what stands still do not expire meanwhile. Settlement cannot be paused as a lane.
/// Every pause ends by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark pause sku CUP --for 600 --reason 'counted by hand' --by ann
  earmark pause lane fulfilment --reason 'the warehouse sends nonsense'
  earmark resume lane fulfilment --reason 'it does not any more'")]
pub struct Pause {
    #[command(flatten)]
    what: What,
    /// For how long; `control.for_s` if nothing is said. Seconds, 1 to `control.for_max_s`.
    #[arg(long = "for", value_name = "SECONDS")]
    for_s: Option<u64>,
    #[command(flatten)]
    who: Who,
}

/// Let go on what was paused; and a quarantined SKU or order, after what made it fail was mended.
///
/// A quarantined one goes on in the state that it had before the input on which it failed. That
/// input stays a dead letter (`earmark dlq show`); what has come since is decided in its order. If
/// it fails again, it is quarantined again. What is neither paused nor quarantined goes on as it
/// was.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark dlq ls --reason quarantined
  earmark resume sku CUP --reason 'mended in 0.2.1' --by ann
  earmark inspect sku CUP")]
pub struct Resume {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Args)]
struct What {
    /// What it is.
    kind: Kind,
    /// Its name, number or key.
    key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// A lane: demand, fulfilment or reporting.
    Lane,
    /// A partition.
    Partition,
    /// A SKU.
    Sku,
    /// An order.
    Order,
}

impl What {
    fn request(&self, who: &Who) -> Result<Value, Failure> {
        let (by, reason) = (who.by()?, who.reason()?);
        let (kind, key) = match self.kind {
            Kind::Lane => ("lane", json!(self.key)),
            // What is no number is refused by who is asked.
            Kind::Partition => {
                ("partition", self.key.parse().map_or(json!(self.key), Value::Number))
            }
            Kind::Sku => ("sku", json!(self.key)),
            Kind::Order => ("order", json!(self.key)),
        };
        Ok(json!({ kind: key, "by": by, "reason": reason }))
    }
}

impl Pause {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut request = self.what.request(&self.who)?;
        if let Some(for_s) = self.for_s {
            request["for_s"] = json!(for_s);
        }
        let Some(changed) = ask(context, names::PAUSE, &request).await? else {
            return Ok(Exit::Done);
        };
        changed.after.iter().for_each(|order| print::line(paused(order)));
        told(&changed);
        Ok(Exit::Done)
    }
}

impl Resume {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let request = self.what.request(&self.who)?;
        let Some(changed) = ask(context, names::RESUME, &request).await? else {
            return Ok(Exit::Done);
        };
        print::line(match &changed.before {
            Some(order) => format!("{} goes on", order.what),
            None => format!("{} was not paused", self.what.key),
        });
        if let Some(partition) = changed.partition {
            print::line(format!(
                "if it is quarantined, it decides again as soon as the owner of partition {partition} \
                 hears it"
            ));
        }
        told(&changed);
        Ok(Exit::Done)
    }
}

/// What was changed, for people; nothing once it was told as JSON.
async fn ask(
    context: &Context,
    subject: &str,
    request: &Value,
) -> Result<Option<Changed>, Failure> {
    match super::safe_mode::ask(context, subject, request).await? {
        Answer::Refused(refused) => Err(refusal(&refused)),
        answer if context.json => {
            print::json(&answer);
            Ok(None)
        }
        Answer::Changed(changed) => Ok(Some(changed)),
        Answer::Status(_) | Answer::Allowed(_) => Ok(None),
    }
}

fn told(changed: &Changed) {
    print::line(format!("EARMARK_AUDIT has it at {}", changed.audit));
}

/// What is paused, in a line.
pub fn paused(Order { what, by, reason, until, .. }: &Order) -> String {
    format!("{what} is paused until {} by {by} ({reason})", time::format(*until))
}
