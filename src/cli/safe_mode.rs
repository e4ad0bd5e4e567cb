//! `earmark safe-mode`: an operator orders a level for all pods, or asks which one is ordered.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Context, pausing::paused, print, who::Who};
use crate::{
    contract::time,
    control::{Answer, Order, Refused, What},
    domain::Level,
    error::{Exit, Failure},
    nats::{names, orders},
};

/// Order a level of safe mode for all pods, or show what is ordered.
///
/// Level 1: reporting waits. 2: fulfilment comes last, too, and who wants a cart's hold and waits
/// for the answer is told busy. 3: who places an order and waits for the answer is told so, too.
/// Settlement is never put off. Every order ends by itself; then each pod goes by its own load.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark safe-mode on --level 2 --for 1800 --reason 'the drop at eight' --by ann
  earmark safe-mode status
  earmark safe-mode off --for 600 --reason 'sell, whatever the lag'   # level 0 is ordered
  earmark safe-mode auto --reason 'the drop is over'                  # by the pods' own load")]
pub struct SafeMode {
    /// What is ordered.
    set: Set,
    /// The level, with `on`: 1 to 3; 2 if nothing is said.
    #[arg(long, value_name = "N")]
    level: Option<u64>,
    /// For how long, with `on` and `off`; `control.for_s` if nothing is said. Seconds, 1 to
    /// `control.for_max_s`.
    #[arg(long = "for", value_name = "SECONDS")]
    for_s: Option<u64>,
    #[command(flatten)]
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Set {
    /// A level for all pods.
    On,
    /// Level 0 for all pods, whatever their load.
    Off,
    /// Nothing: each pod goes by its own load.
    Auto,
    /// Nothing is changed: what is ordered, and each pod's own level.
    Status,
}

impl Set {
    fn as_str(self) -> &'static str {
        match self {
            Set::On => "on",
            Set::Off => "off",
            Set::Auto => "auto",
            Set::Status => "status",
        }
    }
}

impl SafeMode {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let request = self.request()?;
        let answer: Answer = ask(context, names::SAFE_MODE, &request).await?;
        match (&answer, context.json) {
            (Answer::Refused(refused), _) => return Err(refusal(refused)),
            (_, true) => print::json(&answer),
            (_, false) => tell(&answer),
        }
        Ok(Exit::Done)
    }

    fn request(&self) -> Result<Value, Failure> {
        let mut request = json!({"set": self.set.as_str()});
        if let Some(level) = self.level {
            request["level"] = json!(level);
        }
        if let Some(for_s) = self.for_s {
            request["for_s"] = json!(for_s);
        }
        if self.set != Set::Status {
            request["reason"] = json!(self.who.reason()?);
            request["by"] = json!(self.who.by()?);
        }
        Ok(request)
    }
}

/// Asks the pods at one of their subjects.
pub async fn ask<A: DeserializeOwned>(
    context: &Context,
    subject: &str,
    request: &Value,
) -> Result<A, Failure> {
    let nats = context.connect("control").await?;
    let within = Duration::from_millis(context.settings.nats.request_timeout_ms);
    orders::ask(&nats.client(), subject, request, within).await?.ok_or_else(|| {
        Failure::new(Exit::Failed, "no pod listens")
            .advise("start one; pods with cluster.ownership = \"all\" take no orders")
    })
}

/// What a pod refused, as a command says it.
pub fn refusal(refused: &Refused) -> Failure {
    let code = serde_json::to_value(refused.error).unwrap_or_default();
    let code = code.as_str().unwrap_or_default();
    let text = format!("{code}: {}", refused.message);
    Failure::new(Exit::Failed, text).advise(refused.advice.clone())
}

fn tell(answer: &Answer) {
    match answer {
        Answer::Changed(changed) => {
            print::line(format!("before: {}", ordered(changed.before.as_ref())));
            print::line(format!("now:    {}", ordered(changed.after.as_ref())));
            print::line(format!("EARMARK_AUDIT has it at {}", changed.audit));
        }
        Answer::Status(status) => {
            print::line(ordered(status.ordered.as_ref()));
            status.pauses.iter().for_each(|pause| print::line(paused(pause)));
            let mut table = print::table(&["pod", "own level", "works by", "which means"]);
            for member in &status.members {
                table.add_row([
                    member.pod.clone(),
                    member.own.number().to_string(),
                    member.level.number().to_string(),
                    member.level.meaning().to_owned(),
                ]);
            }
            print::line(table);
        }
        // It was told as a failure; and no event is asked for here.
        Answer::Refused(_) | Answer::Allowed(_) => {}
    }
}

/// What is ordered, in a line.
pub fn ordered(order: Option<&Order>) -> String {
    let Some(Order { what: What::Level(level), by, reason, until, .. }) = order else {
        return "no level of safe mode is ordered: each pod goes by its own load".to_owned();
    };
    let (number, until) = (Level::number(*level), time::format(*until));
    format!("level {number} is ordered until {until} by {by} ({reason}): {}", level.meaning())
}
