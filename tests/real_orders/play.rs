//! The play: two real servers, a real Earmark, and what befalls them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use async_nats::jetstream::Context;
use serde_json::Value;

use crate::{
    checker::Evidence,
    convert::{Conversion, ORDERS, SHIPMENTS, STOCK},
    fold,
    harness::{NatsServer, Pod, RedisServer},
    script::Script,
    streams,
    watch::{BOUND, Watch},
};

/// Orders and shipments come at this pace, so that what befalls the servers befalls them at work.
const RATE: &str = "2500";
/// How often a pod that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The stage and those on it.
pub struct Play {
    nats: NatsServer,
    redis: RedisServer,
    pod: Pod,
    watch: Watch,
    script: Script,
}

/// Whoever looks for the reason of a failure wants to know what the pod did meanwhile.
impl Drop for Play {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the pod at the failure:\n{}", self.pod.output());
        }
    }
}

impl Play {
    /// Starts the servers, sets them up, and runs Earmark.
    pub async fn open(conversion: Conversion) -> Play {
        let (nats, redis) = tokio::join!(NatsServer::start(), RedisServer::start());
        let mut setup = earmark(&nats, &redis, &["setup"]);
        assert_eq!(setup.wait(BOUND).await, 0, "{}", setup.output());
        let pod = earmark(&nats, &redis, &["run"]);
        let watch = Watch::new(nats.jetstream().await);
        Play { nats, redis, pod, watch, script: Script::new(conversion) }
    }

    /// The stock is received before anything is ordered.
    pub async fn stock(&mut self) {
        self.script.stock();
        self.publish(&format!("{STOCK}.ndjson"), &["--wait"]).await;
        self.at_rest().await;
        self.script.say("the stock is received");
    }

    /// Orders are placed and paid, while everything is killed once and Earmark twice.
    pub async fn orders(&mut self) {
        let before = self.script.events();
        self.script.orders();
        let mut publishing = self.start_publishing(&format!("{ORDERS}.ndjson"), &["--rate", RATE]);
        self.decided(before, 20).await;
        self.kill_earmark();
        self.publish(&format!("{STOCK}-again.ndjson"), &[]).await;
        self.decided(before, 40).await;
        self.redis.wipe();
        self.redis.restart().await;
        self.script.say("Redis was killed and is back, empty");
        self.decided(before, 60).await;
        self.kill_earmark();
        self.decided(before, 80).await;
        self.nats.restart().await;
        self.script.say("nats-server was killed and is back");
        assert_eq!(publishing.wait(BOUND).await, 0, "{}", publishing.output());
        self.publish(&format!("{ORDERS}-again.ndjson"), &["--wait"]).await;
        self.at_rest().await;
        self.script.say("the orders are decided");
    }

    /// What was granted ships, while Earmark is killed once more.
    pub async fn shipments(&mut self) {
        let before = self.script.events();
        self.script.shipments(&self.read("EARMARK_OUT").await);
        let mut publishing =
            self.start_publishing(&format!("{SHIPMENTS}.ndjson"), &["--rate", RATE]);
        self.decided(before, 50).await;
        self.kill_earmark();
        assert_eq!(publishing.wait(BOUND).await, 0, "{}", publishing.output());
        self.publish(&format!("{SHIPMENTS}-again.ndjson"), &["--wait"]).await;
        self.at_rest().await;
        self.script.say("the shipments are decided");
    }

    /// Earmark is asked to leave, and the streams are read.
    pub async fn close(&mut self) -> Evidence {
        let code = self.pod.terminate(Duration::from_secs(10)).await;
        assert_eq!(code, 0, "{}", self.pod.output());
        let evidence = Evidence {
            input: self.read("EARMARK_IN").await,
            journal: self.read("EARMARK_JOURNAL").await,
            out: self.read("EARMARK_OUT").await,
            told: Vec::new(),
        };
        self.script.say("Earmark left, the streams are read");
        evidence
    }

    /// Copies the servers' data to where it stays, for whoever looks for the reason.
    pub fn keep(&self) -> PathBuf {
        let to = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("real_orders-{}", self.script.seed()));
        let kept = self.nats.snapshot_data().keep();
        let _ = std::fs::remove_dir_all(&to);
        std::fs::rename(&kept, &to).map_or(kept, |()| to)
    }

    /// The fold of the journal is what `earmark inspect` tells, for some of the SKUs.
    pub async fn compare_with_inspect(&self, evidence: &Evidence) {
        const SAMPLE: usize = 4;
        let skus = fold::skus(&evidence.journal);
        for (key, sku) in skus.iter().step_by(skus.len() / SAMPLE) {
            let mut inspect = self.earmark(&["inspect", "sku", key, "--json"]);
            assert_eq!(inspect.wait(BOUND).await, 0, "{}", inspect.output());
            let said: Value = serde_json::from_str(&inspect.output()).expect("JSON is told");
            assert_eq!(fold::said(&said), fold::told(sku), "{key}");
        }
        self.script.say("the fold is what is told");
    }

    /// Returns when so much of a phase that began after `before` events has been decided.
    async fn decided(&mut self, before: usize, percent: usize) {
        let events = self.script.part(before, percent);
        while_it_runs(&mut self.pod, self.watch.until_decided(events)).await;
    }

    async fn at_rest(&mut self) {
        while_it_runs(&mut self.pod, self.watch.until_at_rest(self.script.events())).await;
    }

    fn kill_earmark(&mut self) {
        self.pod.kill();
        self.pod = earmark(&self.nats, &self.redis, &["run"]);
        self.script.say("Earmark was killed and is started again");
    }

    async fn publish(&mut self, file: &str, args: &[&str]) {
        let mut publishing = self.start_publishing(file, args);
        let status = while_it_runs(&mut self.pod, publishing.wait(BOUND)).await;
        assert_eq!(status, 0, "{file}: {}", publishing.output());
    }

    fn start_publishing(&self, file: &str, args: &[&str]) -> Pod {
        let file = self.script.file(file);
        self.earmark(&[&["publish", &*file], args].concat())
    }

    fn earmark(&self, args: &[&str]) -> Pod {
        earmark(&self.nats, &self.redis, args)
    }

    async fn read(&self, stream: &str) -> Vec<streams::Stored> {
        let context: Context = self.nats.jetstream().await;
        streams::read_after(&context, stream, 0).await.expect("the stream can be read")
    }
}

/// What is waited for while a pod runs: nothing comes any more of one that has ended.
async fn while_it_runs<T>(pod: &mut Pod, waiting: impl Future<Output = T>) -> T {
    let ended = async {
        while pod.is_running() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        done = waiting => done,
        () = ended => panic!("Earmark has ended"),
    }
}

fn earmark(nats: &NatsServer, redis: &RedisServer, args: &[&str]) -> Pod {
    let env = [
        ("EARMARK_NATS_URL", &*nats.url()),
        ("EARMARK_REDIS_URL", &*redis.url()),
        ("EARMARK__HTTP__LISTEN", "127.0.0.1:0"),
        // One pod that is killed: the next need not wait for its leases.
        ("EARMARK__CLUSTER__OWNERSHIP", "all"),
    ];
    Pod::start(Path::new(env!("CARGO_BIN_EXE_earmark")), args, &env)
}
