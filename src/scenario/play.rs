//! Plays a scenario: one step after another, each when the one before has been decided to the end.

use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};

use super::{
    Scenario,
    expect::{self, Mismatch},
    report::{Played, StepPlayed, told},
    stage::{Home, Stage},
    step::{Body, Send, Step, What},
    wanted::Wanted,
};
use crate::{
    config::Settings,
    domain::time::Timestamp,
    error::{Exit, Failure},
    ports::{Inbox, NewEvent, PublishError},
};

/// How long an answer may be on its way once everything has been decided.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Plays a scenario on an engine of its own. A failure is that there could be none.
pub async fn play(scenario: &Scenario, settings: &Settings, home: Home) -> Result<Played, Failure> {
    let began = Instant::now();
    let begin = scenario.steps.first().map(|step| step.at).unwrap_or_default();
    let stage = Stage::open(settings, home, begin).await?;
    let inbox = stage.publisher.inbox().await?;
    let mut player = Player { stage, inbox, now: Timestamp::default(), sent: 0 };
    let mut steps = Vec::with_capacity(scenario.steps.len());
    let mut error = None;
    for step in &scenario.steps {
        match player.step(step).await {
            Ok(played) => steps.push(played),
            Err(failure) => {
                steps.push(StepPlayed::new(step));
                error = Some(failure.to_string());
                break;
            }
        }
    }
    player.stage.close().await;
    Ok(Played {
        file: scenario.file.display().to_string(),
        name: scenario.name.clone(),
        passed: error.is_none() && steps.iter().all(|step| step.mismatches.is_empty()),
        seconds: began.elapsed().as_secs_f64(),
        steps,
        error,
    })
}

struct Player {
    stage: Stage,
    inbox: Inbox,
    now: Timestamp,
    /// Messages that were published.
    sent: u64,
}

impl Player {
    async fn step(&mut self, step: &Step) -> Result<StepPlayed, Failure> {
        if step.at > self.now {
            self.now = step.at;
            self.stage.pass(step.at).await?;
        }
        let mut played = StepPlayed::new(step);
        match &step.what {
            What::Pass => {}
            What::Expect(wanted) => played.mismatches = self.compare(wanted).await?,
            What::Send(send) => {
                let reply_to = self.publish(send).await?;
                self.stage.settle(self.now).await?;
                let answer = self.answer(&reply_to, send.answer.is_some()).await;
                if let Some(fields) = &send.answer {
                    let found = answer.clone().unwrap_or(Value::Null);
                    played.mismatches = expect::answer(fields, &found);
                }
                played.answer = answer;
            }
        }
        Ok(played)
    }

    /// Publishes a message; where it is answered.
    async fn publish(&mut self, send: &Send) -> Result<String, Failure> {
        self.sent += 1;
        let reply_to = format!("{}{}", self.inbox.prefix, self.sent);
        let payload = match &send.body {
            Body::Raw(text) => text.clone(),
            Body::Event(event) => {
                let mut event = event.clone();
                event["replyto"] = reply_to.clone().into();
                event.to_string()
            }
        };
        let event = NewEvent { lane: send.lane, key: send.key.clone(), payload: payload.into() };
        // The same again is harmless.
        let published = match self.stage.publisher.publish(event.clone()).await {
            Err(PublishError::Unknown(_)) => self.stage.publisher.publish(event).await,
            published => published,
        };
        published.map_err(|error| Failure::new(Exit::Failed, error))?;
        Ok(reply_to)
    }

    /// The data of the answer that came to this place. It is waited for where it is `expected`.
    async fn answer(&mut self, reply_to: &str, expected: bool) -> Option<Value> {
        let until = tokio::time::Instant::now() + ANSWER_WITHIN;
        loop {
            let next = self.inbox.answers.next();
            let (to, bytes) = match expected {
                true => tokio::time::timeout_at(until, next).await.ok()??,
                false => next.now_or_never()??,
            };
            if to == reply_to {
                let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                return answer.get("data").cloned();
            }
        }
    }

    /// Where things are not as they are wanted.
    async fn compare(&mut self, wanted: &Wanted) -> Result<Vec<Mismatch>, Failure> {
        let mut mismatches = Vec::new();
        for entity in &wanted.entities {
            let found = self.stage.look(&entity.key).await?;
            let compared = expect::entity(entity, &found);
            mismatches.extend(compared.map_err(|error| Failure::new(Exit::Failed, error))?);
        }
        // What is not compared is read all the same: the next expectation begins after it.
        let out = self.stage.said.outcomes().await?;
        let letters = self.stage.said.letters().await?;
        mismatches.extend(wanted.out.iter().filter_map(|list| expect::same("out", list, &out)));
        if let Some(list) = &wanted.dead_letters {
            let ids: Vec<String> = letters.iter().map(|letter| letter.id.clone()).collect();
            let mismatch = expect::same("dead_letters", list, &ids);
            let reasons: Vec<String> = letters.iter().map(told).collect();
            mismatches.extend(mismatch.map(|m| Mismatch { found: json!(reasons), ..m }));
        }
        Ok(mismatches)
    }
}
