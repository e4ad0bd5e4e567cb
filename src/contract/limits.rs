//! The bounds that the contract holds events to, as configuration sets them.

use crate::domain::time::Span;

/// What an event may be at most, and where its answer may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest event, in bytes.
    pub event_bytes_max: usize,
    /// Lines that an order, a fulfilment or a return may have.
    pub order_lines_max: usize,
    /// With one of these a `replyto` must begin.
    pub reply_prefixes: Vec<String>,
    /// How far `time` may be ahead of the log's own time.
    pub skew: Span,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            event_bytes_max: 768 * 1024,
            order_lines_max: 500,
            reply_prefixes: vec!["_INBOX.".to_owned(), "earmark.reply.".to_owned()],
            skew: Span::from_secs(300),
        }
    }
}

impl Limits {
    /// May an answer go to this subject? It begins with a permitted prefix and is a subject that
    /// one can publish to.
    pub fn permits_reply_to(&self, subject: &str) -> bool {
        self.reply_prefixes.iter().any(|prefix| subject.starts_with(prefix.as_str()))
            && super::subject::is_publishable(subject)
    }
}
