//! The way from a pod to a server, which can be cut: connections break, and none can be made until
//! it is healed.

use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Where ports are looked for: below those of outgoing connections, so that who gave one up for a
/// while finds it free.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// A port that nobody listened on a moment ago.
pub fn free_port() -> io::Result<u16> {
    for _ in 0..1_000 {
        let port = rand::random_range(PORTS);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other(format!("no port of {PORTS:?} is free")))
}

/// A port that leads to another one, until it is dropped.
pub struct Way {
    port: u16,
    is_open: watch::Sender<bool>,
    _leading: AbortOnDropHandle<()>,
}

impl Way {
    /// To this port of this machine.
    pub async fn to(target: u16) -> io::Result<Way> {
        let listener = TcpListener::bind(("127.0.0.1", free_port()?)).await?;
        let addr = listener.local_addr()?;
        let (is_open, open) = watch::channel(true);
        let leading = tokio::spawn(lead(listener, addr, target, open));
        Ok(Way { port: addr.port(), is_open, _leading: AbortOnDropHandle::new(leading) })
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Nobody gets through.
    pub fn cut(&self) {
        self.is_open.send_replace(false);
    }

    /// It leads there again.
    pub fn heal(&self) {
        self.is_open.send_replace(true);
    }
}

async fn lead(first: TcpListener, addr: SocketAddr, target: u16, mut open: watch::Receiver<bool>) {
    let mut listener = Some(first);
    loop {
        let Some(listening) = listener.take() else {
            if open.wait_for(|open| *open).await.is_err() {
                return;
            }
            listener = TcpListener::bind(addr).await.ok();
            if listener.is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            continue;
        };
        // All connections end with this round.
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listening.accept() => {
                    if let Ok((client, _)) = accepted {
                        connections.spawn(connect(client, target));
                    }
                }
                Some(_) = connections.join_next() => {}
                cut = open.wait_for(|open| !*open) => match cut {
                    Ok(_) => break,
                    Err(_) => return,
                },
            }
        }
    }
}

async fn connect(mut client: TcpStream, target: u16) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    // Small messages go at once.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let _ = copy_bidirectional(&mut client, &mut server).await;
}
