//! Servers and pods of a load test's own: nats-server, Redis and as many pods as the plan says,
//! each a process of its own on this machine, with its data in one temporary directory.
//!
//! Promises: nothing outlives the run, unless it is killed (SIGKILL). Each pod reaches the servers
//! by a way of its own ([`super::way`]), so that it can be cut off; shoppers are never cut off from
//! the log.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    copies, look,
    plan::{Breakage, Plan},
    process::{LOOK_EVERY, Process, SERVES_WITHIN, failed},
    way::{Way, free_port},
};
use crate::{
    config::{self, Settings},
    error::{Exit, Failure},
};

/// How long a pod may take to leave.
const LEAVES_WITHIN: Duration = Duration::from_secs(20);
/// How often a server is started that lost its port to another process.
const START_TRIES: usize = 5;
/// How often pods look at what they have left to do, unless the plan says otherwise.
pub const WATCH_EVERY_MS: u64 = 500;

/// What runs.
pub struct Local {
    nats: Process,
    redis: Process,
    pods: Vec<Pod>,
    /// Where the servers listen: NATS, Redis.
    ports: [u16; 2],
    /// Whether what the logs forget is copied.
    has_copies: bool,
    dir: TempDir,
}

struct Pod {
    process: Process,
    /// To NATS, to Redis.
    ways: [Way; 2],
    http: u16,
}

impl Local {
    /// Starts everything; returns when all pods serve. Servers are looked for in `servers`, if it
    /// is given, and else where commands are.
    pub async fn start(plan: &Plan, servers: Option<&Path>) -> Result<Local, Failure> {
        let dir = tempfile::Builder::new().prefix("earmark-load-").tempdir().map_err(failed)?;
        let program =
            |name: &str| servers.map_or_else(|| name.into(), |servers| servers.join(name));
        let accounts = if plan.copies { copies::ACCOUNTS } else { "" };
        let nats = listening(|port| nats(program("nats-server"), (port, accounts), dir.path()));
        let (nats, nats_port) = nats.await?;
        let redis = listening(|port| redis(program("redis-server"), port, dir.path()));
        let (redis, redis_port) = redis.await?;
        let ports = [nats_port, redis_port];
        let (pods, has_copies) = (Vec::new(), plan.copies);
        let mut local = Local { nats, redis, pods, ports, has_copies, dir };
        local.set_up(plan).await?;
        if plan.copies {
            copies::begin(nats_port).await?;
        }
        for number in 1..=plan.pods.count {
            let pod = local.pod(plan, number).await?;
            local.pods.push(pod);
        }
        local.all_serve(plan).await?;
        Ok(local)
    }

    /// Where NATS listens.
    pub fn nats_url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports[0])
    }

    /// Where Redis listens.
    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.ports[1])
    }

    /// Where copies of the logs are read, if the plan has any; they have all that the logs have.
    pub async fn copies(&self) -> Result<Option<String>, Failure> {
        if !self.has_copies {
            return Ok(None);
        }
        copies::complete(self.ports[0]).await?;
        Ok(Some(copies::url(self.ports[0])))
    }

    /// Where the pods tell their metrics.
    pub fn metrics_urls(&self) -> Vec<String> {
        self.pods.iter().map(|pod| format!("http://127.0.0.1:{}/metrics", pod.http)).collect()
    }

    /// Keeps what was written, for whoever looks for what went wrong; where that is.
    pub fn keep(self) -> PathBuf {
        self.dir.keep()
    }

    /// Has all pods leave, so that nothing moves any more; what did not go as it should, in words.
    pub async fn leave(&mut self) -> Result<Vec<String>, Failure> {
        let mut wrong = Vec::new();
        for pod in &mut self.pods {
            if pod.process.has_ended() {
                wrong.push(pod.process.gone().error);
            } else {
                pod.process.signal(Signal::SIGTERM)?;
            }
        }
        for process in self.pods.iter_mut().map(|pod| &mut pod.process) {
            if process.ends(LEAVES_WITHIN).await?.is_none() {
                wrong.push(format!("{} did not leave in {LEAVES_WITHIN:?}", process.name));
                process.kill().await?;
            }
        }
        Ok(wrong)
    }

    /// Ends everything, and takes away what it wrote.
    pub async fn end(mut self) -> Result<(), Failure> {
        let pods = self.pods.iter_mut().map(|pod| &mut pod.process);
        for process in [&mut self.nats, &mut self.redis].into_iter().chain(pods) {
            process.kill().await?;
        }
        self.dir.close().map_err(failed)
    }

    /// The settings that pods have, but for those that are each one's own.
    pub fn settings(&self, plan: &Plan) -> Result<Settings, Failure> {
        let own = environment(plan, &self.nats_url(), &self.redis_url());
        Ok(config::load_from(None, own.into_iter().collect())?)
    }

    /// Returns when it is time; before that with a failure, if a server ended that nobody ended:
    /// there is nothing left to be tested.
    pub async fn stands_until(&mut self, at: Instant) -> Result<(), Failure> {
        while Instant::now() < at {
            let lost = [&mut self.nats, &mut self.redis]
                .into_iter()
                .find_map(|server| server.is_lost().then(|| server.gone()));
            if let Some(failure) = lost {
                return Err(failure.advise("see what ended it, and play the plan again"));
            }
            sleep_until(at.min(Instant::now() + LOOK_EVERY)).await;
        }
        Ok(())
    }

    /// Breaks something.
    pub async fn break_it(&mut self, what: Breakage, of: &str) -> Result<(), Failure> {
        match what {
            Breakage::Kill => self.process(of)?.kill().await,
            Breakage::Freeze => self.process(of)?.signal(Signal::SIGSTOP),
            Breakage::Cut => {
                self.ways(of).for_each(Way::cut);
                Ok(())
            }
        }
    }

    /// Mends it.
    pub async fn mend(&mut self, what: Breakage, of: &str) -> Result<(), Failure> {
        match what {
            Breakage::Kill => self.process(of)?.start(),
            Breakage::Freeze => self.process(of)?.signal(Signal::SIGCONT),
            Breakage::Cut => {
                self.ways(of).for_each(Way::heal);
                Ok(())
            }
        }
    }

    fn process(&mut self, name: &str) -> Result<&mut Process, Failure> {
        let pods = self.pods.iter_mut().map(|pod| &mut pod.process);
        let mut all = [&mut self.nats, &mut self.redis].into_iter().chain(pods);
        let found = all.find(|process| process.name == name);
        found.ok_or_else(|| Failure::new(Exit::Usage, format!("there is no {name}")))
    }

    /// The ways that end where this is broken: all to a server, or both of a pod.
    fn ways(&self, of: &str) -> impl Iterator<Item = &Way> {
        self.pods
            .iter()
            .flat_map(move |pod| {
                let [nats, redis] = &pod.ways;
                let is_pod = pod.process.name == of;
                [(nats, is_pod || of == "nats"), (redis, is_pod || of == "redis")]
            })
            .filter_map(|(way, is_broken)| is_broken.then_some(way))
    }

    async fn set_up(&self, plan: &Plan) -> Result<(), Failure> {
        let log = self.dir.path().join("setup.log");
        let env = environment(plan, &self.nats_url(), &self.redis_url());
        let mut setup = Process::new("setup", this_program()?, ["setup".to_owned()], env, log);
        setup.start()?;
        let ended = setup.ends(SERVES_WITHIN).await?;
        if ended.is_some_and(|how| how.success()) { Ok(()) } else { Err(setup.gone()) }
    }

    async fn pod(&self, plan: &Plan, number: u32) -> Result<Pod, Failure> {
        let name = format!("pod-{number}");
        let nats = Way::to(self.ports[0]).await.map_err(failed)?;
        let redis = Way::to(self.ports[1]).await.map_err(failed)?;
        let http = free_port().map_err(failed)?;
        let mut env = environment(
            plan,
            &format!("nats://127.0.0.1:{}", nats.port()),
            &format!("redis://127.0.0.1:{}", redis.port()),
        );
        env.insert("EARMARK__ENGINE__POD".to_owned(), name.clone());
        env.insert("EARMARK__HTTP__LISTEN".to_owned(), format!("127.0.0.1:{http}"));
        let log = self.dir.path().join(format!("{name}.log"));
        let mut process = Process::new(&name, this_program()?, ["run".to_owned()], env, log);
        process.start()?;
        Ok(Pod { process, ways: [nats, redis], http })
    }

    /// Waits until each partition is served by some pod.
    async fn all_serve(&mut self, plan: &Plan) -> Result<(), Failure> {
        let until = Instant::now() + SERVES_WITHIN;
        loop {
            let mut serving = 0.0;
            for url in self.metrics_urls() {
                serving += look::sum(&url, &[look::SERVING]).await.unwrap_or(0.0);
            }
            if serving >= f64::from(plan.pods.partitions) {
                return Ok(());
            }
            for pod in &mut self.pods {
                if pod.process.has_ended() {
                    return Err(pod.process.gone());
                }
            }
            if Instant::now() > until {
                let text = format!("{serving} of {} partitions are served", plan.pods.partitions);
                return Err(Failure::new(Exit::TimedOut, text));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Starts a server on a port that is free; the port.
async fn listening(
    make: impl Fn(u16) -> Result<Process, Failure>,
) -> Result<(Process, u16), Failure> {
    let mut tries = 0;
    loop {
        tries += 1;
        let port = free_port().map_err(failed)?;
        let mut process = make(port)?;
        process.start()?;
        match process.listens(port).await {
            Ok(()) => return Ok((process, port)),
            Err(_) if process.lost_its_port() && tries < START_TRIES => {}
            Err(failure) => return Err(failure),
        }
    }
}

fn nats(program: PathBuf, (port, accounts): (u16, &str), dir: &Path) -> Result<Process, Failure> {
    let (data, file) = (dir.join("nats"), dir.join("nats.conf"));
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\n\
         jetstream {{ store_dir: {data:?}, max_file_store: 64GB, max_memory_store: 1GB }}\n\
         {accounts}"
    );
    std::fs::write(&file, text).map_err(failed)?;
    let args = ["--config".to_owned(), file.to_string_lossy().into_owned()];
    Ok(Process::new("nats", program, args, BTreeMap::new(), dir.join("nats.log")))
}

fn redis(program: PathBuf, port: u16, dir: &Path) -> Result<Process, Failure> {
    let args = format!("--bind 127.0.0.1 --port {port} --appendonly yes --dir");
    let args = args.split(' ').map(str::to_owned).chain([dir.to_string_lossy().into_owned()]);
    // Nothing is written but the log of what was changed.
    let args = args.chain(["--save".to_owned(), String::new()]);
    Ok(Process::new("redis", program, args, BTreeMap::new(), dir.join("redis.log")))
}

fn environment(plan: &Plan, nats: &str, redis: &str) -> BTreeMap<String, String> {
    let written = plan.pods.settings.iter().map(|(key, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (format!("EARMARK__{}", key.to_uppercase().replace('.', "__")), value)
    });
    let watch = ("EARMARK__SUPERVISOR__WATCH_EVERY_MS".to_owned(), WATCH_EVERY_MS.to_string());
    let mut env: BTreeMap<String, String> = [watch].into_iter().chain(written).collect();
    env.insert("EARMARK_NATS_URL".to_owned(), nats.to_owned());
    env.insert("EARMARK_REDIS_URL".to_owned(), redis.to_owned());
    let partitions = plan.pods.partitions.to_string();
    env.insert("EARMARK__STREAMS__PARTITIONS".to_owned(), partitions);
    env.insert("EARMARK__CLUSTER__OWNERSHIP".to_owned(), "leases".to_owned());
    env
}

fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(failed)
}
