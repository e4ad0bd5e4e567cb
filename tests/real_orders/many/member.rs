//! A pod of the cluster: its ways to the servers, its door, and, where it has one, a clock that can
//! be set.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{SETTINGS, binary};
use crate::{
    harness::{Direction, NatsServer, Pod, Proxy, free_port},
    watch::BOUND,
};

/// How much is posted to a pod that is to need more memory: more than it can have to spare.
const MUCH: usize = 256 << 20;
/// How long that may take.
const POSTING_TAKES: Duration = Duration::from_secs(5);
/// The program of glibc that starts others, with a library that goes first if that is wanted.
const LOADER: &str = "ld.so";
const TOKEN: &str = "a-token-of-this-play-alone";

/// A pod and its ways to the servers.
pub struct Member {
    pub pod: Pod,
    ways: Vec<Proxy>,
    /// How many of the ways lead to NATS. The last one leads to Redis.
    to_nats: usize,
    port: u16,
    clock: Option<Clock>,
}

impl Member {
    /// Starts a pod of this name.
    pub async fn start(
        name: &str,
        nats: &[NatsServer],
        to_redis: &Proxy,
        clock: Option<Clock>,
    ) -> Member {
        let mut ways = Vec::new();
        for server in nats {
            ways.push(Proxy::start(server.addr()).await);
        }
        let urls: Vec<String> = ways.iter().map(|way| way.url("nats")).collect();
        let to_redis = Proxy::start(to_redis.addr()).await;
        let (urls, redis, port) = (urls.join(","), to_redis.url("redis"), free_port());
        let listen = format!("127.0.0.1:{port}");
        let own = [
            ("EARMARK_NATS_URL", &*urls),
            ("EARMARK_REDIS_URL", &*redis),
            ("EARMARK__ENGINE__POD", name),
            ("EARMARK__HTTP__LISTEN", &*listen),
            // Bounds that nobody should set: they are why memory can run out.
            ("EARMARK__HTTP__TOKEN", TOKEN),
            ("EARMARK__HTTP__BODY_BYTES_MAX", "268435456"),
            ("EARMARK__HTTP__BODIES_BYTES_MAX", "268435456"),
            // Memory is taken as it is needed, and not a gigabyte ahead: so a bound is met.
            ("MIMALLOC_ARENA_EAGER_COMMIT", "0"),
        ];
        let environment = [SETTINGS, &own].concat();
        let pod = match &clock {
            Some(clock) => clock.start(binary(), &environment),
            None => Pod::start(binary(), &["run"], &environment),
        };
        ways.push(to_redis);
        Member { pod, to_nats: nats.len(), ways, port, clock }
    }

    /// It does not reach NATS any more.
    pub fn cut_off(&self) {
        self.ways[..self.to_nats].iter().for_each(|way| way.cut(Direction::Both));
    }

    /// All its ways take longer.
    pub fn slow(&self, delay: Duration) {
        self.ways.iter().for_each(|way| way.delay(delay));
    }

    /// All its connections are reset.
    pub fn disconnect(&self) {
        self.ways.iter().for_each(Proxy::reset_connections);
    }

    /// All its ways are well again.
    pub async fn heal(&self) {
        for way in &self.ways {
            way.heal().await;
        }
    }

    /// Posts so much to it that it needs more memory. What comes of that is of no interest.
    pub async fn post_much(&self) {
        let _ = tokio::time::timeout(POSTING_TAKES, self.post(&vec![b' '; MUCH])).await;
    }

    async fn post(&self, body: &[u8]) -> std::io::Result<()> {
        let mut door = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/cloudevents-batch+json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        door.write_all(head.as_bytes()).await?;
        door.write_all(body).await
    }

    /// Its clock is off by so many seconds from now on.
    pub fn set_clock(&self, off_s: f64) {
        self.clock.as_ref().expect("it was given a clock").set(off_s);
    }

    /// How often it has said so until now.
    pub fn said(&self, what: &str) -> usize {
        self.pod.output().matches(what).count()
    }

    /// Asks it to leave; its exit code.
    pub async fn leave(&mut self) -> i32 {
        self.pod.terminate(BOUND).await
    }
}

/// The clock of a process, which can be set while it runs: by Debian's libfaketime. Only the time
/// of day is another one; how long something takes is not.
pub struct Clock {
    dir: TempDir,
    faketime: PathBuf,
}

impl Clock {
    /// A clock that is right.
    pub fn right() -> Clock {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let faketime = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/libfaketime.so");
        assert!(
            faketime.exists(),
            "clocks that can be set take Debian's libfaketime: `tests/servers/install.sh faults`"
        );
        let clock = Clock { dir, faketime };
        clock.set(0.0);
        clock
    }

    fn set(&self, off_s: f64) {
        // A reader sees the old offset or the new one, and no half of it.
        let new = self.dir.path().join("new");
        std::fs::write(&new, format!("{off_s:+}\n")).expect("the offset can be written");
        std::fs::rename(new, self.offset()).expect("the offset can be replaced");
    }

    fn offset(&self) -> PathBuf {
        self.dir.path().join("offset")
    }

    /// A pod with this clock.
    fn start(&self, binary: &Path, environment: &[(&str, &str)]) -> Pod {
        let offset = self.offset();
        let [faketime, offset, binary] =
            [&self.faketime, &*offset, binary].map(|path| path.to_str().expect("a path of text"));
        let own = [
            ("FAKETIME_TIMESTAMP_FILE", offset),
            // It looks at the file once a second.
            ("FAKETIME_CACHE_DURATION", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("FAKETIME_DISABLE_SHM", "1"),
            ("NO_FAKE_STAT", "1"),
        ];
        let args = ["--preload", faketime, binary, "run"];
        Pod::start(Path::new(LOADER), &args, &[environment, &own].concat())
    }
}
