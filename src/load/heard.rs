//! What the people of a load test hear: answers, and what is said of orders.

use serde::Deserialize;

/// An answer, as far as anybody looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Answer {
    /// The plain key of the entity.
    pub subject: String,
    /// What it says.
    pub data: AnswerData,
}

/// What an answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct AnswerData {
    /// What came of the event, in a word.
    pub status: String,
    /// Why it was refused.
    #[serde(default)]
    pub reason: Option<String>,
    /// After how long the same may go better.
    #[serde(default)]
    pub retry_after_s: Option<u32>,
}

impl Answer {
    /// An answer; none if these bytes are none.
    pub fn read(bytes: &[u8]) -> Option<Answer> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether it was taken, granted or accepted.
    pub fn is_taken(&self) -> bool {
        self.data.status != "refused"
    }

    /// Whether it asks to come back, and after how many seconds.
    pub fn busy(&self) -> Option<u32> {
        let is_busy = self.data.reason.as_deref() == Some("busy");
        is_busy.then(|| self.data.retry_after_s.unwrap_or(1))
    }

    /// What came of it, in a word: the reason, where it was refused.
    pub fn word(&self) -> &str {
        self.data.reason.as_deref().unwrap_or(&self.data.status)
    }
}

/// What EARMARK_OUT says of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// Its key.
    pub subject: String,
    /// The type of what is said.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Told {
    /// An outcome; none if these bytes are none.
    pub fn read(bytes: &[u8]) -> Option<Told> {
        serde_json::from_slice(bytes).ok()
    }
}
