//! Where a message stood, as the server says it in the reply subject of what a consumer sends.
//!
//! Promises: only what the server wrote is taken for a place; both of its forms are read.

/// What the server writes into a message's reply subject.
pub struct Place {
    /// The message's sequence in the stream.
    pub sequence: u64,
    /// Its number among those that the consumer sent.
    pub consumer_sequence: u64,
    /// When the stream took it, in nanoseconds.
    pub nanos: i128,
}

impl Place {
    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<consumer sequence>.<time>.<pending>`,
    /// in a newer form with domain and account before the stream and more behind.
    pub fn parse(reply: &str) -> Option<Place> {
        let mut tokens = reply.strip_prefix("$JS.ACK.")?.split('.');
        let after_names = if reply.bytes().filter(|b| *b == b'.').count() > 8 { 5 } else { 3 };
        let sequence = tokens.nth(after_names)?.parse().ok()?;
        let consumer_sequence = tokens.next()?.parse().ok()?;
        let nanos = tokens.next()?.parse().ok()?;
        Some(Place { sequence, consumer_sequence, nanos })
    }
}
