//! What a replay would do, letter by letter: the event as it would be published, what stands in its
//! way, and what would come of it.

use std::time::Duration;

use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    desk::{Desk, Picked},
    late::not_let_through,
};
use crate::{
    contract::{self, Decoded, catalogue::Replay, time},
    domain::refusal::Reason,
    error::Failure,
    http::replyto::with_reply_to,
    letters::{
        Letter,
        correct::{self, Set, keeps_its_name},
        forecast::{Copies, Forecast},
    },
    nats::names,
};

/// How events are corrected.
#[derive(Clone, Debug, Default)]
pub struct Correction {
    /// The whole event anew.
    pub payload: Option<Vec<u8>>,
    /// Single fields.
    pub sets: Vec<Set>,
    /// What came too late may be decided all the same.
    pub allow_stale: bool,
}

impl Correction {
    fn is_none(&self) -> bool {
        self.payload.is_none() && self.sets.is_empty()
    }

    fn lets_through(&self, letter: &Letter) -> bool {
        self.allow_stale && letter.reason == Reason::Stale
    }
}

/// What a replay would do with one event.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    pub dlq_sequence: u64,
    pub id: String,
    pub reason: String,
    pub event_source: Option<String>,
    pub event_id: Option<String>,
    pub event_type: Option<String>,
    pub entity: Option<String>,
    /// It is let through however late it is.
    pub late: bool,
    /// Why it is not replayed.
    pub held_back: Option<String>,
    /// What would come of it.
    pub forecast: Option<Forecast>,
    #[serde(skip)]
    pub picked: Picked,
    /// Why it is not let through late.
    #[serde(skip)]
    doubt: Option<String>,
}

/// An event that is ready to be published.
pub struct Ready {
    pub decoded: Decoded,
    pub payload: Vec<u8>,
}

/// The event of a letter as it would be published, answered at this subject; or why it cannot be.
pub async fn ready(
    desk: &Desk<'_>,
    letter: &Letter,
    correction: &Correction,
    reply_to: &str,
) -> Result<Ready, String> {
    if letter.stream != names::IN {
        return Err(format!("it was read from {}: no publisher sent it", letter.stream));
    }
    let policy = letter.handling(&desk.context.settings.published.catalogue).replay;
    match policy {
        Replay::Never => {
            return Err(format!(
                "a letter of reason {} is not replayed (catalogue)",
                letter.reason
            ));
        }
        Replay::AfterCorrection if correction.is_none() && !correction.lets_through(letter) => {
            let late = match letter.reason {
                Reason::Stale => "; or name its letter with --allow-stale, where it is true",
                _ => "",
            };
            return Err(format!(
                "{}: it needs a correction, with --set PATH=VALUE or --edit FILE{late}",
                letter.message
            ));
        }
        Replay::AfterCorrection | Replay::AsIs => {}
    }
    let original = desk.bytes(letter).await;
    let names = original.clone().unwrap_or_default();
    let payload = match &correction.payload {
        Some(payload) => payload.clone(),
        None => original?,
    };
    let payload = match correction.sets.as_slice() {
        [] => payload,
        sets => correct::set(&payload, sets)?,
    };
    let text = std::str::from_utf8(&payload).map_err(|_| "its bytes are no UTF-8".to_owned())?;
    // Whoever waited for the answer has left; whoever replays waits for it now.
    let payload = with_reply_to(text, reply_to).into_bytes();
    let decoded = contract::decode(&payload, &desk.limits);
    let decoded = decoded.map_err(|why| format!("it would be refused again: {why}"))?;
    keeps_its_name(letter, &names, &decoded.source, &decoded.id)?;
    Ok(Ready { decoded, payload })
}

/// Tries the events one after another, in the order in which they were picked.
pub async fn try_all(
    desk: &Desk<'_>,
    copies: &mut Copies<'_>,
    picked: &[Picked],
    correction: &Correction,
) -> Result<Vec<Tried>, Failure> {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.set_message("reading letters");
    let mut read = Vec::with_capacity(picked.len());
    for of in picked {
        let Some(letter) = desk.at(of.sequence).await? else { continue };
        read.push(look(desk, *of, &letter, correction).await);
    }
    doubt_what_took_effect(desk, copies, &mut read).await?;
    bar.set_message("folding the journal into copies");
    let decoded = read.iter().filter_map(|(_, decoded)| decoded.as_ref());
    copies.make(decoded.map(|decoded| decoded.key.clone()).collect()).await?;
    bar.finish_and_clear();
    Ok(read.into_iter().map(|(tried, decoded)| forecast(desk, copies, tried, decoded)).collect())
}

/// Lets nothing through late that may have taken effect before.
async fn doubt_what_took_effect(
    desk: &Desk<'_>,
    copies: &Copies<'_>,
    read: &mut [(Tried, Option<Decoded>)],
) -> Result<(), Failure> {
    let late = read.iter().filter(|(tried, _)| tried.late);
    let late: Vec<&Decoded> = late.filter_map(|(_, decoded)| decoded.as_ref()).collect();
    if late.is_empty() {
        return Ok(());
    }
    let skew = desk.context.settings.policy.skew;
    let refused = not_let_through(copies.journal, copies.partitions, skew, &late).await?;
    for (tried, decoded) in read.iter_mut().filter(|(tried, _)| tried.late) {
        let named = decoded.as_ref().map(|event| (event.key.clone(), event.event_key));
        if let Some(why) = named.and_then(|named| refused.get(&named)) {
            (tried.doubt, tried.late) = (Some(why.clone()), false);
        }
    }
    Ok(())
}

fn forecast(
    desk: &Desk<'_>,
    copies: &mut Copies<'_>,
    tried: Tried,
    decoded: Option<Decoded>,
) -> Tried {
    let Some(decoded) = decoded else { return tried };
    let forecast = copies.try_on(decoded, desk.now, tried.late);
    // What is remembered all the same is answered as the first time.
    let held_back = again(&forecast, tried.late).map(|why| tried.doubt.clone().unwrap_or(why));
    Tried { held_back, forecast: Some(forecast), ..tried }
}

async fn look(
    desk: &Desk<'_>,
    picked: Picked,
    letter: &Letter,
    correction: &Correction,
) -> (Tried, Option<Decoded>) {
    let mut tried = Tried {
        dlq_sequence: picked.sequence,
        id: letter.id.clone(),
        reason: letter.reason.to_string(),
        event_source: letter.event_source.clone(),
        event_id: letter.event_id.clone(),
        event_type: letter.event_type.clone(),
        entity: letter.entity().map(|entity| entity.to_string()),
        late: correction.lets_through(letter),
        held_back: None,
        forecast: None,
        picked,
        doubt: None,
    };
    let oldest = desk.now - desk.settings().replay_age_max;
    if letter.given_up_at() < oldest {
        let (at, since) = (&letter.time, time::format(oldest));
        tried.held_back = Some(format!(
            "it was given up at {at}, before {since}: dead_letters.replay_age_max_s bounds that"
        ));
        return (tried, None);
    }
    match ready(desk, letter, correction, &format!("{}try", names::REPLAY_REPLIES)).await {
        Err(why) => {
            tried.held_back = Some(why);
            (tried, None)
        }
        Ok(Ready { decoded, .. }) => {
            tried.event_id = Some(decoded.id.clone());
            tried.event_source = Some(decoded.source.clone());
            tried.event_type = Some(decoded.kind.to_owned());
            tried.entity = Some(decoded.key.to_string());
            (tried, Some(decoded))
        }
    }
}

/// Why an event is not published that would be a dead letter again.
fn again(forecast: &Forecast, late: bool) -> Option<String> {
    let why = forecast.why.as_deref().unwrap_or_default();
    let stale = why.starts_with("stale");
    let advice = match (forecast.verdict.as_str(), stale) {
        (_, true) if late => {
            "; its SKU has had so many events that it forgot ids before their time: nobody can \
             tell whether it took effect before"
        }
        (_, true) => {
            "; correct `time` with --set time=… where it was wrong, or name the letter with \
             --allow-stale where it is true"
        }
        ("waits", _) => "; replay it once the entity is resumed",
        _ => "",
    };
    forecast.dead_again.then(|| format!("it would be a dead letter again: {why}{advice}"))
}
