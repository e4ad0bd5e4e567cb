//! A TCP proxy that breaks the network between two processes on purpose, without root.
//!
//! Promises: what it forwards is unchanged and in order. A connection that lost bytes to `cut` never
//! carries later ones: TCP leaves no holes, so it stays silent and is reset by `heal`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::ports::free_port;

const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_IN_FLIGHT: usize = 256;

/// Which way bytes flow, seen from who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
    /// Both.
    Both,
}

/// What is wrong with the network now.
#[derive(Clone, Copy, Default)]
struct Faults {
    cut_to_server: bool,
    cut_to_client: bool,
    stalled: bool,
    refusing: bool,
    delay: Duration,
    /// Counts `reset_connections`: a connection ends when this is not what it began with.
    resets: u64,
    /// Counts `heal`: a connection with a hole ends at the next one.
    heals: u64,
}

impl Faults {
    fn cuts(&self, way: Direction) -> bool {
        match way {
            Direction::ToServer => self.cut_to_server,
            Direction::ToClient => self.cut_to_client,
            Direction::Both => self.cut_to_server && self.cut_to_client,
        }
    }
}

/// The proxy; dropping it closes all.
pub struct Proxy {
    addr: SocketAddr,
    faults: Arc<watch::Sender<Faults>>,
    target: Arc<watch::Sender<SocketAddr>>,
    listening: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free loopback port and forwards to `target`, healthy at first.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = bind_free().await;
        let addr = listener.local_addr().expect("a bound listener has an address");
        let (faults, seen) = watch::channel(Faults::default());
        let (says_listening, listening) = watch::channel(true);
        let (target, leads) = watch::channel(target);
        let task = tokio::spawn(accept(listener, addr, leads, seen, says_listening));
        Self { addr, faults: Arc::new(faults), target: Arc::new(target), listening, task }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `<scheme>://127.0.0.1:<port>`
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.addr)
    }

    /// Bytes that arrive from now on are dropped in silence; connections stay open.
    pub fn cut(&self, way: Direction) {
        self.faults.send_modify(|faults| {
            faults.cut_to_server |= way != Direction::ToClient;
            faults.cut_to_client |= way != Direction::ToServer;
        });
    }

    /// Bytes that arrive from now on are forwarded this much later, each way; throughput stays.
    pub fn delay(&self, delay: Duration) {
        self.faults.send_modify(|faults| faults.delay = delay);
    }

    /// Nothing is forwarded and nothing is lost: it flows again after `heal`.
    pub fn stall(&self) {
        self.faults.send_modify(|faults| faults.stalled = true);
    }

    /// Connections that are made from now on lead elsewhere, and open ones are reset.
    pub fn lead_to(&self, target: SocketAddr) {
        self.target.send_replace(target);
        self.reset_connections();
    }

    /// Every open connection is reset (RST) on both sides; new ones work.
    pub fn reset_connections(&self) {
        self.faults.send_modify(|faults| faults.resets += 1);
    }

    /// New connections are refused from when this returns; open ones go on.
    pub async fn refuse(&self) {
        self.faults.send_modify(|faults| faults.refusing = true);
        self.wait_listening(false).await;
    }

    /// Everything works again from when this returns; connections that lost bytes are reset.
    pub async fn heal(&self) {
        self.faults.send_modify(|faults| {
            *faults =
                Faults { resets: faults.resets, heals: faults.heals + 1, ..Faults::default() };
        });
        self.wait_listening(true).await;
    }

    async fn wait_listening(&self, wanted: bool) {
        let mut listening = self.listening.clone();
        listening.wait_for(|now| *now == wanted).await.expect("the proxy's task runs");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn bind_free() -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", free_port())).await {
            return listener;
        }
    }
}

/// Accepts until `refusing`, then listens again on the same port. Owns the connections' tasks, so
/// that all end with it.
async fn accept(
    first: TcpListener,
    addr: SocketAddr,
    target: watch::Receiver<SocketAddr>,
    mut faults: watch::Receiver<Faults>,
    says_listening: watch::Sender<bool>,
) {
    let mut listener = Some(first);
    let mut connections = JoinSet::new();
    loop {
        let refusing = faults.borrow_and_update().refusing;
        if refusing {
            listener = None;
        } else if listener.is_none() {
            listener = Some(TcpListener::bind(addr).await.expect("our port is still ours"));
        }
        says_listening.send_replace(!refusing);
        tokio::select! {
            Some(Ok((client, _))) = accept_on(listener.as_ref()) => {
                let target = *target.borrow();
                connections.spawn(connect(client, target, faults.clone()));
            }
            changed = faults.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept_on(
    listener: Option<&TcpListener>,
) -> Option<std::io::Result<(TcpStream, SocketAddr)>> {
    match listener {
        Some(listener) => Some(listener.accept().await),
        None => std::future::pending().await,
    }
}

/// One connection, until either side ends it or a fault does.
async fn connect(mut client: TcpStream, target: SocketAddr, mut faults: watch::Receiver<Faults>) {
    let resets = faults.borrow().resets;
    let Ok(mut server) = TcpStream::connect(target).await else {
        return reset(&client);
    };
    // Small messages go at once; without it a delay of the kernel's own would be added.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let broken = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            broken = both(
                pump(from_client, to_server, Direction::ToServer, faults.clone()),
                pump(from_server, to_client, Direction::ToClient, faults.clone()),
            ) => broken,
            _ = faults.wait_for(|now| now.resets != resets) => true,
        }
    };
    if broken {
        reset(&client);
        reset(&server);
    }
}

/// Waits for both ways to end in peace, or for one to break; says whether one broke.
async fn both(
    one: impl Future<Output = Result<(), Broken>>,
    other: impl Future<Output = Result<(), Broken>>,
) -> bool {
    futures::future::try_join(one, other).await.is_err()
}

/// The connection has to be reset.
struct Broken;

impl From<std::io::Error> for Broken {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

/// Closing a socket with no linger time sends RST.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn pump(
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    way: Direction,
    faults: watch::Receiver<Faults>,
) -> Result<(), Broken> {
    let (queue, queued) = mpsc::channel(CHUNKS_IN_FLIGHT);
    let (read, write) =
        (read_into(from, queue, way, faults.clone()), write_from(queued, to, way, faults));
    futures::future::try_join(read, write).await.map(|_| ())
}

type Chunk = (Instant, Vec<u8>);

/// Reads until the end. After a first lost byte nothing more is forwarded, also when the fault is
/// over.
async fn read_into(
    mut from: ReadHalf<'_>,
    queue: mpsc::Sender<Chunk>,
    way: Direction,
    faults: watch::Receiver<Faults>,
) -> Result<(), Broken> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut healing = faults.clone();
    let mut hole = None;
    loop {
        let count = tokio::select! {
            count = from.read(&mut buffer) => count?,
            () = healed_after(&mut healing, hole) => return Err(Broken),
        };
        let now = *faults.borrow();
        if hole.is_some() || now.cuts(way) {
            hole = hole.or(Some(now.heals));
            if count == 0 {
                // The end is lost too: the other side never hears of it.
                healed_after(&mut healing, hole).await;
                return Err(Broken);
            }
            continue;
        }
        if count == 0 {
            return Ok(());
        }
        let chunk = (Instant::now() + now.delay, buffer[..count].to_vec());
        if queue.send(chunk).await.is_err() {
            return Err(Broken);
        }
    }
}

/// Waits for the `heal` that ends a connection with a hole; for ever when it has none.
async fn healed_after(faults: &mut watch::Receiver<Faults>, hole: Option<u64>) {
    match hole {
        Some(heals) => {
            let _ = faults.wait_for(|now| now.heals != heals).await;
        }
        None => std::future::pending().await,
    }
}

/// Writes each chunk when it is due, holding all back while stalled.
async fn write_from(
    mut queued: mpsc::Receiver<Chunk>,
    mut to: WriteHalf<'_>,
    way: Direction,
    mut faults: watch::Receiver<Faults>,
) -> Result<(), Broken> {
    while let Some((due, bytes)) = queued.recv().await {
        tokio::time::sleep_until(due).await;
        let lost = {
            let now = faults.wait_for(|now| !now.stalled).await.map_err(|_| Broken)?;
            now.cuts(way).then_some(now.heals)
        };
        if lost.is_some() {
            healed_after(&mut faults, lost).await;
            return Err(Broken);
        }
        to.write_all(&bytes).await?;
    }
    faults.wait_for(|now| !now.stalled).await.map_err(|_| Broken)?;
    // A peer that is gone already needs no farewell.
    let _ = to.shutdown().await;
    Ok(())
}
