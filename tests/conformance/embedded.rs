//! The suite of the ports on the embedded store, and what befalls its file.

use std::{
    any::Any,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    domain::{
        event::Lane,
        ids::{EntityKey, Sku},
    },
    embedded::{Embedded, EmbeddedPublisher, Options, Shelf},
    ports::{
        AppendError, Input, Journal, NewEvent, Outbox, Outgoing, Outlet, Partition, PortError,
        Publisher, SendError,
    },
};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::{SigSet, Signal},
};
use tempfile::TempDir;

use crate::harness::{READY_BOUND, wait_for};

use super::{
    Asking, PARTITIONS,
    suite::{self, Outside, Requester, World},
};

async fn embedded_world() -> World {
    let dir = TempDir::new().expect("a directory can be made");
    let embedded = Embedded::open(dir.path()).expect("the store opens");
    let ports = embedded.ports();
    World {
        input: ports.input,
        journal: ports.journal,
        outbox: ports.outbox,
        snapshots: ports.snapshots,
        archive: ports.archive,
        outside: Arc::new(Somebody(embedded)),
        _keep: Box::new(dir) as Box<dyn Any + Send>,
    }
}

struct Somebody(Embedded);

#[async_trait]
impl Outside for Somebody {
    async fn publish(&self, partition: Partition, lane: Lane, payload: Bytes) -> u64 {
        let publisher = EmbeddedPublisher::new(self.0.clone(), PARTITIONS);
        let key = EntityKey::Sku(Sku::new(&super::key_in(partition)).expect("it is a key"));
        publisher.publish(NewEvent { lane, key, payload }).await.expect("it is taken")
    }

    async fn requester(&self) -> (String, Box<dyn Requester>) {
        let publisher = EmbeddedPublisher::new(self.0.clone(), PARTITIONS);
        let inbox = publisher.inbox().await.expect("an inbox opens");
        (format!("{}1", inbox.prefix), Box::new(Asking(inbox)))
    }

    async fn object(&self, name: &str) -> Option<Bytes> {
        self.0.object(name).await.expect("it is read")
    }
}

suite::conformance!(crate::embedded::embedded_world);

/// What is said of a file that another process has open.
const IN_USE: &str = "another process has it open";

/// Opens what this process has closed. A process that another test is starting has the file for a
/// moment more, until it runs what it is to.
async fn open_again(dir: &Path) -> Result<Embedded, PortError> {
    let opens = async || match Embedded::open(dir) {
        Err(error) if error.to_string().contains(IN_USE) => None,
        opened => Some(opened),
    };
    wait_for("nobody else has the store open", READY_BOUND, opens).await
}

#[tokio::test]
async fn what_was_acknowledged_is_there_when_the_file_is_opened_again() {
    let dir = TempDir::new().expect("a directory can be made");
    let first = Embedded::open(dir.path()).expect("the store opens");
    let at = first.append(0, 0, "a record".into()).await.expect("it is taken");
    drop(first);
    let again = open_again(dir.path()).await.expect("the store opens again");
    let last = again.last(0).await.expect("it is read").expect("it is there");
    assert_eq!((last.sequence, last.record), (at, Bytes::from("a record")));
}

/// Names the directory in which this test is to write until it is killed.
const WRITE_IN: &str = "EARMARK_TEST_WRITE_IN";

/// What was acknowledged to a process that was killed is there; what was not, may be.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    if let Ok(dir) = std::env::var(WRITE_IN) {
        return write_until_killed(Path::new(&dir)).await;
    }
    let dir = TempDir::new().expect("a directory can be made");
    let mut acknowledged = 0;
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().expect("this test has a file"))
            .args(["a_killed_process_loses_nothing", "--nocapture", "--test-threads", "1"])
            .env(WRITE_IN, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started again");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        for line in lines.map_while(Result::ok) {
            // The test's own name stands before the first.
            let number = line.rsplit("acknowledged ").next().and_then(|n| n.parse::<u64>().ok());
            acknowledged = number.unwrap_or(acknowledged);
            if acknowledged >= round * 40 {
                break;
            }
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it has ended");
        let store = open_again(dir.path()).await.expect("it opens again");
        let last = store.last(0).await.expect("it is read").expect("it is there");
        assert!(acknowledged >= round * 40 && last.sequence >= acknowledged, "{last:?}");
        let records = store.read(0, 0).await.expect("it is read");
        assert_eq!(records.len() as u64, last.sequence, "none is missing in between");
        let said = store.page(Shelf::Outcomes, acknowledged - 1, 1).await.expect("it is read");
        assert_eq!(said.len(), 1, "an outcome was taken back: there are fewer than {acknowledged}");
    }
}

async fn write_until_killed(dir: &Path) {
    let store = Embedded::open(dir).expect("the store opens");
    let mut last = store.last(0).await.expect("it is read").map_or(0, |last| last.sequence);
    loop {
        last = store.append(0, last, vec![7; 3_000].into()).await.expect("it is taken");
        // Nobody has said anything before, or the last thing said was not acknowledged.
        while store.end(Shelf::Outcomes).await.expect("it is read") < last {
            let said = message(Outlet::Out, "earmark.out.sku.S.hold_granted");
            store.send(vec![said]).await.remove(0).expect("it is taken");
        }
        println!("acknowledged {last}");
    }
}

fn message(outlet: Outlet, subject: &str) -> Outgoing {
    let (subject, payload) = (subject.to_owned(), Bytes::from("said"));
    Outgoing { outlet, subject, id: None, headers: Vec::new(), payload, after: None }
}

#[tokio::test]
async fn commands_that_nobody_reads_take_no_more_than_their_room() {
    let dir = TempDir::new().expect("a directory can be made");
    let options = Options { commands_max: 2, ..Options::default() };
    let store = Embedded::open_with(dir.path(), options).expect("the store opens");
    let tell = async |to: u16| {
        let command = message(Outlet::Commands, &format!("earmark.cmd.{to}"));
        store.send(vec![command]).await.remove(0)
    };
    let first = tell(1).await.expect("it is taken").sequence;
    tell(1).await.expect("it is taken");
    for _ in 0..2 {
        let full = tell(1).await;
        assert!(matches!(full, Err(SendError::SubjectFull(_))), "{full:?}");
    }
    tell(2).await.expect("others have room of their own");
    store.purge_commands(1, first + 1).await.expect("what was read goes");
    tell(1).await.expect("there is room for one again");
    let full = tell(1).await;
    assert!(matches!(full, Err(SendError::SubjectFull(_))), "and for no more: {full:?}");
}

/// Names the directory in which this test is to fill what room there is.
const FILL: &str = "EARMARK_TEST_FILL";

/// Without room nothing is taken and nothing is lost; with room again it goes on by itself.
#[tokio::test]
async fn a_full_disk_is_said_and_waited_out() {
    if let Ok(dir) = std::env::var(FILL) {
        return fill(Path::new(&dir)).await;
    }
    // The bound on the size of files holds for a process, so it takes one of its own.
    let dir = TempDir::new().expect("a directory can be made");
    let child = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["a_full_disk_is_said", "--nocapture", "--test-threads", "1"])
        .env(FILL, dir.path())
        .output()
        .expect("it can be started again");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{said}{}", String::from_utf8_lossy(&child.stderr));
    assert!(said.contains("went on"), "{said}");
}

async fn fill(dir: &Path) {
    // Whoever makes a file too large is killed otherwise; the store's thread inherits this.
    SigSet::from(Signal::SIGXFSZ).thread_block().expect("a signal can be blocked");
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).expect("the bound can be read");
    setrlimit(Resource::RLIMIT_FSIZE, 6 << 20, most).expect("it can be lowered");
    let store = Embedded::open(dir).expect("the store opens");
    let mut last = 0;
    let full = loop {
        match store.append(0, last, vec![7; 100_000].into()).await {
            Ok(sequence) => last = sequence,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, AppendError::Full(_)), "{full:?}");
    assert!(last > 10, "{last}");
    setrlimit(Resource::RLIMIT_FSIZE, most, most).expect("it can be raised");
    let next = loop {
        match store.append(0, last, vec![7; 100_000].into()).await {
            Ok(sequence) => break sequence,
            Err(AppendError::Refused) => panic!("what was not acknowledged is there"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let last = store.last(0).await.expect("it is read").expect("it is there");
    assert_eq!(last.sequence, next);
    println!("went on");
}

#[tokio::test]
async fn a_directory_serves_one_process() {
    let dir = TempDir::new().expect("a directory can be made");
    let _first = Embedded::open(dir.path()).expect("the store opens");
    let error = Embedded::open(dir.path()).err().expect("it is refused").to_string();
    assert!(error.contains(IN_USE), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let dir = TempDir::new().expect("a directory can be made");
    let store = Embedded::open(dir.path()).expect("the store opens");
    let mut after = 0;
    for n in 0..50_u8 {
        after = store.append(0, after, vec![n; 20_000].into()).await.expect("it is taken");
    }
    drop(store);
    let file = dir.path().join("earmark.redb");
    let mut bytes = std::fs::read(&file).expect("the file is there");
    let places = bytes.windows(64).enumerate().filter(|(_, window)| **window == [25; 64]);
    let place = places.map(|(place, _)| place).next().expect("a record is in it");
    bytes[place + 100] ^= 1;
    std::fs::write(&file, bytes).expect("the file can be written");
    let error = open_again(dir.path()).await.err().expect("it is refused").to_string();
    assert!(error.contains("damaged"), "{error}");
}
