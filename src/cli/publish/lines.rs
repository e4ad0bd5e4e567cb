//! Lines become events, or refusals with their line's number.

use std::{fmt, io, path::Path};

use bytes::Bytes;
use serde::Serialize;
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, BufReader},
    sync::mpsc,
};

use crate::{
    contract::{Decoded, Limits, Rejection, Rule, decode},
    ports::NewEvent,
};

/// Lines that are decoded ahead.
const AHEAD: usize = 1_024;
const BUFFER_BYTES: usize = 256 * 1024;

/// An event that is ready to be published.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its line's number, from 1.
    pub line: u64,
    /// Where its line ends, in bytes from the beginning.
    pub end: u64,
    /// The line, and where it goes.
    pub event: NewEvent,
}

/// A line that was refused.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// Its number, from 1.
    pub line: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why.
    #[serde(flatten)]
    pub rejection: Rejection,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.rejection)
    }
}

/// What came of a line.
#[derive(Debug)]
pub enum Read {
    /// It is an event.
    Event(Event),
    /// It is not.
    Refused(Box<Refused>),
    /// It could not be read, and nothing after it.
    Broken(io::Error),
}

/// Decoded lines, in order.
pub struct Lines(mpsc::Receiver<Read>);

impl Lines {
    /// What came of the next line; nothing at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Read> {
        self.0.recv().await
    }
}

/// Opens a file, or standard input for `-`; and says how large it is, if that is known.
pub async fn open(path: &Path) -> io::Result<(Box<dyn AsyncBufRead + Send + Unpin>, Option<u64>)> {
    if path == Path::new("-") {
        let input = BufReader::with_capacity(BUFFER_BYTES, tokio::io::stdin());
        return Ok((Box::new(input), None));
    }
    let file = tokio::fs::File::open(path).await?;
    let about = file.metadata().await?;
    if about.is_dir() {
        return Err(io::Error::other("it is a directory"));
    }
    let size = about.is_file().then_some(about.len());
    Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), size))
}

/// Reads and decodes ahead, in a task of its own.
pub fn read(from: Box<dyn AsyncBufRead + Send + Unpin>, limits: Limits) -> Lines {
    let (tell, lines) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut splitter = Splitter::new(from, limits.event_bytes_max);
        loop {
            let read = match splitter.next().await {
                Ok(None) => return,
                Ok(Some(line)) if line.is_blank() => continue,
                Ok(Some(line)) => take(line, &limits),
                Err(error) => Read::Broken(error),
            };
            let broken = matches!(read, Read::Broken(_));
            if tell.send(read).await.is_err() || broken {
                return;
            }
        }
    });
    Lines(lines)
}

fn take(line: Line, limits: &Limits) -> Read {
    let decoded = match line.content {
        Some(ref content) => decode(content, limits),
        None => {
            let expected = format!("at most {} bytes", limits.event_bytes_max);
            let found = format!("{} bytes", line.bytes);
            Err(Rejection::new(Rule::EventSize, &found, expected))
        }
    };
    match (decoded, line.content) {
        (Ok(Decoded { key, lane, .. }), Some(content)) => Read::Event(Event {
            line: line.number,
            end: line.end,
            event: NewEvent { lane, key, payload: Bytes::from(content) },
        }),
        (Err(rejection), _) => Read::Refused(Box::new(Refused {
            line: line.number,
            bytes: line.bytes,
            rejection: *rejection,
        })),
        (Ok(_), None) => Read::Broken(io::Error::other("a line without content was decoded")),
    }
}

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Where it ends in the input.
    pub end: u64,
    /// How long it is.
    pub bytes: u64,
    /// What it says; nothing if it is longer than the limit.
    pub content: Option<Vec<u8>>,
}

impl Line {
    fn is_blank(&self) -> bool {
        self.content.as_ref().is_some_and(|line| line.iter().all(u8::is_ascii_whitespace))
    }
}

/// Splits lines, and keeps no more of one than the limit.
pub struct Splitter<R> {
    from: R,
    max: usize,
    number: u64,
    end: u64,
}

impl<R: AsyncBufRead + Unpin> Splitter<R> {
    /// Splits these lines, and keeps at most `max` bytes of one.
    pub fn new(from: R, max: usize) -> Splitter<R> {
        Splitter { from, max, number: 0, end: 0 }
    }

    /// The next line; nothing at the end.
    pub async fn next(&mut self) -> io::Result<Option<Line>> {
        let (mut content, mut bytes, mut ended) = (Vec::new(), 0_u64, false);
        while !ended {
            let chunk = self.from.fill_buf().await?;
            if chunk.is_empty() {
                match bytes {
                    0 => return Ok(None),
                    _ => break,
                }
            }
            let newline = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..newline.unwrap_or(chunk.len())];
            bytes += part.len() as u64;
            // One more than the limit, so that a line end of two bytes can be told from a long
            // line.
            let room = (self.max + 1).saturating_sub(content.len());
            content.extend_from_slice(&part[..part.len().min(room)]);
            ended = newline.is_some();
            let used = part.len() + usize::from(ended);
            self.end += used as u64;
            self.from.consume(used);
            if ended && bytes == 0 {
                break;
            }
        }
        self.number += 1;
        if content.last() == Some(&b'\r') && content.len() as u64 == bytes {
            content.pop();
            bytes -= 1;
        }
        let content = (bytes <= self.max as u64).then_some(content);
        Ok(Some(Line { number: self.number, end: self.end, bytes, content }))
    }
}
