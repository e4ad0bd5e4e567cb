//! The way from a pod to a server, which can be cut: connections break, and none can be made until
//! it is healed.

use std::net::SocketAddr;

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// A port that leads to another one, until it is dropped.
pub struct Way {
    port: u16,
    is_open: watch::Sender<bool>,
    _leading: AbortOnDropHandle<()>,
}

impl Way {
    /// To this port of this machine.
    pub async fn to(target: u16) -> std::io::Result<Way> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
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
