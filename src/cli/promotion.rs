//! `earmark promotion`: an operator announces what will be sold and when, so that it is in memory
//! before shoppers come, and stays where it is.

use std::{io::Read, path::PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Context, print,
    safe_mode::{ask, refusal},
    who::Who,
};
use crate::{
    control::{
        Outlook, PromotionAnswer,
        announcing::{PromotionChanged, PromotionStatus},
    },
    error::{Exit, Failure},
    nats::names,
};

/// Announce a promotion, cancel one, or show those that stand.
///
/// From `promotions.lead_s` before its start until its end, the SKUs are loaded ahead and stay in
/// memory, and their partitions are not moved for balance. What nobody has is taken over, and what
/// a pod that leaves has is handed over, as ever. A promotion ends by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark promotion announce black-friday --sku CUP --sku MUG --start 2026-11-27T06:00:00Z \\
    --end 2026-11-28T06:00:00Z --reason 'black friday' --by ann
  earmark promotion announce drop --skus drop.txt --start 2026-11-27T20:00:00+01:00 \\
    --end 2026-11-27T22:00:00+01:00 --reason 'the drop at eight' --by ann
  earmark promotion                                           # those that stand
  earmark promotion cancel drop --reason 'it rains' --by ann")]
pub struct Promotions {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Announce a promotion; in place of the one of this name, if there is one.
    #[command(after_help = "\
Example:
  earmark promotion announce black-friday --sku CUP --sku MUG --start 2026-11-27T06:00:00Z \\
    --end 2026-11-28T06:00:00Z --reason 'black friday' --by ann")]
    Announce(Announce),
    /// Cancel a promotion, before it begins or while it goes on.
    #[command(after_help = "\
Example:
  earmark promotion cancel black-friday --reason 'sold out' --by ann")]
    Cancel(Cancel),
    /// Show the promotions that are to come, or go on.
    #[command(after_help = "\
Example:
  earmark promotion ls
  earmark promotion ls --json | jq '.promotions[] | select(.armed)'")]
    Ls,
}

#[derive(Debug, Args)]
struct Announce {
    /// Its name: 1 to 100 characters.
    name: String,
    /// A SKU that is sold; as often as there are. `promotions.skus_max` at most, in all.
    #[arg(long = "sku", value_name = "KEY")]
    skus: Vec<String>,
    /// A file of SKUs, one a line; - for standard input.
    #[arg(long = "skus", value_name = "FILE")]
    file: Option<PathBuf>,
    /// When it begins: RFC 3339.
    #[arg(long, value_name = "TIME")]
    start: String,
    /// When it is over: RFC 3339, at most `promotions.window_max_s` later.
    #[arg(long, value_name = "TIME")]
    end: String,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Args)]
struct Cancel {
    /// Its name.
    name: String,
    #[command(flatten)]
    who: Who,
}

impl Promotions {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let request = match &self.what {
            Some(What::Announce(announce)) => announce.request()?,
            Some(What::Cancel(Cancel { name, who })) => {
                let (by, reason) = (who.by()?, who.reason()?);
                json!({"set": "cancel", "name": name, "by": by, "reason": reason})
            }
            Some(What::Ls) | None => json!({"set": "status"}),
        };
        let answer: PromotionAnswer = ask(context, names::PROMOTION, &request).await?;
        match &answer {
            PromotionAnswer::Refused(refused) => return Err(refusal(refused)),
            answer if context.json => print::json(answer),
            PromotionAnswer::Changed(changed) => tell_changed(changed),
            PromotionAnswer::Status(status) => tell_status(status),
        }
        Ok(Exit::Done)
    }
}

impl Announce {
    fn request(&self) -> Result<Value, Failure> {
        let mut skus = self.skus.clone();
        if let Some(file) = &self.file {
            skus.extend(lines(file)?);
        }
        Ok(json!({
            "set": "announce",
            "name": self.name,
            "skus": skus,
            "start": self.start,
            "end": self.end,
            "reason": self.who.reason()?,
            "by": self.who.by()?,
        }))
    }
}

/// The lines of a file that say something.
fn lines(file: &PathBuf) -> Result<Vec<String>, Failure> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_string(&mut text),
        false => std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(|error| {
        Failure::new(Exit::Usage, format!("{} cannot be read: {error}", file.display()))
            .advise("name a file of SKUs, one a line")
    })?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

fn tell_changed(changed: &PromotionChanged) {
    let PromotionChanged { before, after, arms_at, partitions, audit, .. } = changed;
    if let Some(before) = before {
        print::line(format!(
            "before: {}, {} SKUs, announced by {} ({})",
            before.name,
            before.skus.len(),
            before.by,
            before.reason
        ));
    }
    print::line(match after {
        None => "now:    it is cancelled".to_owned(),
        Some(after) => format!(
            "now:    {}, {} SKUs in {} partitions, armed from {}",
            after.name,
            after.skus.len(),
            partitions.len(),
            arms_at.as_deref().unwrap_or_default()
        ),
    });
    print::line(format!("EARMARK_AUDIT has it at {audit}"));
}

fn tell_status(status: &PromotionStatus) {
    if status.promotions.is_empty() {
        return print::line("no promotion is announced");
    }
    let headings =
        ["name", "SKUs", "partitions", "armed", "armed from", "start", "end", "by", "reason"];
    let mut table = print::table(&headings);
    for one in &status.promotions {
        table.add_row([
            one.name.clone(),
            one.skus.to_string(),
            one.partitions.len().to_string(),
            if one.armed { "yes" } else { "not yet" }.to_owned(),
            one.arms_at.clone(),
            one.start.clone(),
            one.end.clone(),
            one.by.clone(),
            one.reason.clone(),
        ]);
    }
    print::line(table);
}

/// How a promotion stands, in a line.
pub fn told(one: &Outlook) -> String {
    let Outlook { name, skus, partitions, by, reason, arms_at, end, .. } = one;
    let number = partitions.len();
    let armed = match one.armed {
        true => format!("is armed until {end}: {number} partitions stay where they are"),
        false => format!("is armed from {arms_at} until {end}"),
    };
    format!("promotion {name} of {skus} SKUs, announced by {by} ({reason}), {armed}")
}
