//! A process that a load test starts, and can kill, freeze and start again as it was.
//!
//! Promises: what it writes is kept in one file, however often it is started; it does not outlive
//! whoever started it, unless that is killed (SIGKILL).

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::error::{Exit, Failure};

/// How long a server or a pod may take until it serves.
pub const SERVES_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked at whether something has come about.
pub const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A process that can be started again as it was.
pub struct Process {
    /// Its name in a plan.
    pub name: String,
    program: PathBuf,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// One that was not started yet; what it writes is added to `log`.
    pub fn new(
        name: &str,
        program: PathBuf,
        args: impl IntoIterator<Item = String>,
        env: BTreeMap<String, String>,
        log: PathBuf,
    ) -> Process {
        let args = args.into_iter().collect();
        Process { name: name.to_owned(), program, args, env, log, child: None }
    }

    /// Starts it, or starts it again.
    pub fn start(&mut self) -> Result<(), Failure> {
        let out = append_to(&self.log)?;
        let mut command = Command::new(&self.program);
        // What this shell sets is for this command, not for what it starts.
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("EARMARK_") && key != "EARMARK_MUTANT" {
                command.env_remove(key);
            }
        }
        command
            .args(&self.args)
            .envs(&self.env)
            .stdin(Stdio::null())
            .stderr(out.try_clone().map_err(failed)?)
            .stdout(out)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|error| {
            let text = format!("start {}: {error}", self.program.display());
            Failure::new(Exit::Failed, text).advise(format!(
                "install {}, or name the directory that it is in with --servers",
                self.name
            ))
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(failed),
            None => Ok(()),
        }
    }

    /// How it ended; nothing if it has not within so long.
    pub async fn ends(&mut self, within: Duration) -> Result<Option<ExitStatus>, Failure> {
        let Some(child) = &mut self.child else { return Ok(Some(ExitStatus::default())) };
        match timeout(within, child.wait()).await {
            Ok(ended) => ended.map(Some).map_err(failed),
            Err(_) => Ok(None),
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let id = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        let id = id.ok_or_else(|| Failure::new(Exit::Failed, format!("{} is gone", self.name)))?;
        kill(Pid::from_raw(id), signal).map_err(|error| Failure::new(Exit::Failed, error))
    }

    /// Whether it does not run.
    pub fn has_ended(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it is to run, and does not.
    pub fn is_lost(&mut self) -> bool {
        self.child.is_some() && self.has_ended()
    }

    /// Returns when it listens.
    pub async fn listens(&mut self, port: u16) -> Result<(), Failure> {
        let until = Instant::now() + SERVES_WITHIN;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if self.has_ended() {
                return Err(self.gone());
            }
            if Instant::now() > until {
                let text = format!("{} does not listen after {SERVES_WITHIN:?}", self.name);
                return Err(Failure::new(Exit::TimedOut, text));
            }
            sleep(LOOK_EVERY).await;
        }
        // Whoever was there before has answered, if this one has lost its port.
        sleep(LOOK_EVERY).await;
        if self.has_ended() { Err(self.gone()) } else { Ok(()) }
    }

    /// Whether another process took its port between the look and the start.
    pub fn lost_its_port(&self) -> bool {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        said.to_lowercase().contains("address already in use")
    }

    /// What to say of one that ended by itself.
    pub fn gone(&self) -> Failure {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n");
        Failure::new(Exit::Failed, format!("{} ended by itself; it wrote:\n{last}", self.name))
    }
}

fn append_to(log: &Path) -> Result<File, Failure> {
    let opened = OpenOptions::new().create(true).append(true).open(log);
    opened.map_err(|error| Failure::new(Exit::Failed, format!("{}: {error}", log.display())))
}

/// What the system refused.
pub fn failed(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, error)
}
