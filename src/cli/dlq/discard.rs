//! `earmark dlq discard`: closes letters that nothing is to be done with.

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::{
    asking::{How, Which},
    desk::Desk,
};
use crate::{
    cli::print,
    error::{Exit, Failure},
    letters::Close,
};

/// Close dead letters without replaying them. They stay in EARMARK_DLQ, and `ls --closed` shows
/// them; a letter that comes later for the same event is open again.
///
/// It is a dry run unless --apply is given. EARMARK_AUDIT says who did it, and why.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark dlq discard 17
  earmark dlq discard --reason id_conflict --until 2d --apply --by ann --why 'INC-17: test data'")]
pub struct Discard {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

#[derive(Serialize)]
struct Discarded {
    applied: bool,
    events: Vec<One>,
    /// Further ones that are meant, beyond --max.
    more: usize,
}

#[derive(Serialize)]
struct One {
    dlq_sequence: u64,
    id: String,
    reason: String,
    event_id: Option<String>,
    event_subject: Option<String>,
}

impl Discard {
    pub(super) async fn run(self, desk: &Desk<'_>) -> Result<Exit, Failure> {
        let filter = self.which.filter(desk.now)?;
        let who = if self.how.apply { Some(self.how.said()?) } else { None };
        let (picked, more) = desk.pick(&self.which, &filter).await?;
        let (mut events, mut closes) = (Vec::new(), Vec::new());
        for of in &picked {
            let Some(letter) = desk.at(of.sequence).await? else { continue };
            closes.push(Close { event: of.event.to_string(), through: of.through });
            events.push(One {
                dlq_sequence: of.sequence,
                id: letter.id,
                reason: letter.reason.to_string(),
                event_id: letter.event_id,
                event_subject: letter.event_subject,
            });
        }
        if let Some((by, why)) = who.filter(|_| !events.is_empty()) {
            let what = json!({
                "by": by, "reason": why, "command": "dlq discard", "phase": "done",
                "letters": events.iter().map(|one| &one.id).collect::<Vec<_>>(),
            });
            desk.note(&what, &closes).await?;
        }
        let discarded = Discarded { applied: self.how.apply, events, more };
        match desk.context.json {
            true => print::json(&discarded),
            false => discarded.tell(),
        }
        Ok(Exit::Done)
    }
}

impl Discarded {
    fn tell(&self) {
        let mut table = print::table(&["sequence", "id", "reason", "event", "key"]);
        for one in &self.events {
            table.add_row([
                one.dlq_sequence.to_string(),
                one.id.clone(),
                one.reason.clone(),
                one.event_id.clone().unwrap_or_else(|| "-".to_owned()),
                one.event_subject.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        print::line(table);
        let events = self.events.len();
        match self.applied {
            true => print::line(format!("{events} events have no open letters any more")),
            false => print::line(format!(
                "{events} events would have no open letters any more; nothing was changed. \
                 --apply --by NAME --why TEXT does it"
            )),
        }
        if self.more > 0 {
            print::line(format!("{} more are meant; --max takes more at a time", self.more));
        }
    }
}
