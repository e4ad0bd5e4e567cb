//! Whoever waits for answers: a subscriber of `_INBOX.bench.*` that costs next to nothing.
//!
//! It reads the bytes of the connection itself and only notes where each message stands and when it
//! came; what they say is looked at when the clock has stopped.

use std::{
    io::{Read, Write},
    net::TcpStream,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};

/// What the subjects of answers begin with; a number follows.
pub const INBOX: &str = "_INBOX.bench.";
const CHUNK: usize = 256 << 10;
const POLL_EVERY: Duration = Duration::from_millis(1);

/// An answer.
pub struct Answer {
    /// The number in its subject.
    pub token: usize,
    /// When it came.
    pub at: Instant,
    payload: Range<usize>,
}

/// All that came.
#[derive(Default)]
pub struct Heard {
    bytes: Vec<u8>,
    pub answers: Vec<Answer>,
}

impl Heard {
    pub fn payload(&self, answer: &Answer) -> &[u8] {
        self.bytes.get(answer.payload.clone()).unwrap_or_default()
    }
}

/// A subscriber on a thread of its own.
pub struct Listener {
    count: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Heard>>,
}

impl Listener {
    /// Subscribes; returns when the server knows of it.
    pub fn start(port: u16) -> Result<Listener> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        let hello = format!(
            "CONNECT {{\"verbose\":false,\"pedantic\":false,\"name\":\"bench-listener\"}}\r\n\
             SUB {INBOX}* 1\r\nPING\r\n"
        );
        stream.write_all(hello.as_bytes())?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut greeting = Vec::new();
        while !greeting.ends_with(b"PONG\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).context("nats-server does not greet")?;
            greeting.extend(byte);
        }
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        let (count, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (count, stop) = (count.clone(), stop.clone());
            std::thread::Builder::new()
                .name("bench-listener".to_owned())
                .spawn(move || listen(stream, &count, &stop))?
        };
        Ok(Listener { count, stop, thread })
    }

    /// Waits until so many answers have come.
    pub async fn wait(&self, answers: usize, bound: Duration) -> Result<()> {
        let began = Instant::now();
        while self.count.load(Ordering::Acquire) < answers {
            let came = self.count.load(Ordering::Acquire);
            if began.elapsed() > bound || self.thread.is_finished() {
                bail!("{came} of {answers} answers came within {bound:?}");
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        Ok(())
    }

    /// All that has come.
    pub fn finish(self) -> Result<Heard> {
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_| anyhow!("the listener panicked"))?
    }
}

fn listen(mut stream: TcpStream, count: &AtomicUsize, stop: &AtomicBool) -> Result<Heard> {
    let mut heard = Heard::default();
    let (mut filled, mut parsed) = (0, 0);
    loop {
        if heard.bytes.len() < filled + CHUNK {
            heard.bytes.resize(filled + 32 * CHUNK, 0);
        }
        match stream.read(&mut heard.bytes[filled..]) {
            Ok(0) => bail!("nats-server closed the listener's connection"),
            Ok(read) => filled += read,
            Err(error) if is_timeout(&error) && stop.load(Ordering::Acquire) => return Ok(heard),
            Err(error) if is_timeout(&error) => continue,
            Err(error) => return Err(error.into()),
        }
        let at = Instant::now();
        while let Some((line, after)) = line(&heard.bytes[parsed..filled]) {
            let (line, after) = (&line[..], parsed + after);
            if let Some(rest) = line.strip_prefix(b"MSG ") {
                let (token, size) = message(rest)?;
                if filled < after + size + 2 {
                    break;
                }
                heard.answers.push(Answer { token, at, payload: after..after + size });
                parsed = after + size + 2;
            } else {
                if line == b"PING" {
                    stream.write_all(b"PONG\r\n")?;
                }
                parsed = after;
            }
        }
        count.store(heard.answers.len(), Ordering::Release);
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// The first line without its end, and where the next one begins.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]), end + 1))
}

/// The number in the subject, and the size, of `_INBOX.bench.17 1 240`.
fn message(rest: &[u8]) -> Result<(usize, usize)> {
    let text = std::str::from_utf8(rest)?;
    let mut tokens = text.split(' ');
    let token = tokens.next().and_then(|subject| subject.strip_prefix(INBOX)?.parse().ok());
    let size = tokens.next_back().and_then(|size| size.parse().ok());
    token.zip(size).with_context(|| format!("not a message: {text}"))
}
