//! One pod: the `earmark` binary as a process of its own, with its output kept for the failure
//! message.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::process::{Process, exit_code};

/// A running `earmark`. Dropping it kills it.
pub struct Pod {
    process: Process,
    // Holds the output; deleted after the process is gone, since fields drop in order.
    _dir: TempDir,
}

impl Pod {
    /// Starts the `earmark` of this build, as in `Pod::earmark(&["run"], &[("EARMARK_NATS_URL", url)])`.
    pub fn earmark(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start(Path::new(env!("CARGO_BIN_EXE_earmark")), args, env)
    }

    /// Starts any binary. `EARMARK_…` variables of the test's own environment are not passed on.
    pub fn start(binary: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory can be made");
        let mut command = Command::new(binary);
        for (key, _) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("EARMARK_") {
                command.env_remove(key);
            }
        }
        command.args(args).envs(env.iter().copied());
        let name = binary.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let process = Process::spawn(&name, command, &dir.path().join("output.log"));
        Self { process, _dir: dir }
    }

    /// Its number among all processes.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.process.exited().is_none()
    }

    /// The most memory that it has had so far, in bytes.
    pub fn memory_peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// The memory that it may write to, in bytes.
    pub fn memory_writable(&self) -> u64 {
        self.memory("VmData:")
    }

    fn memory(&self, which: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(path).expect("a process that runs has a status");
        let found = status.lines().find_map(|line| line.strip_prefix(which));
        let kib = found.and_then(|found| found.trim().strip_suffix("kB")).expect("it is said");
        kib.trim().parse::<u64>().expect("it is a number") * 1024
    }

    /// How many files and connections it has open.
    pub fn files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.process.id()));
        files.expect("a process that runs has files").count()
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, then the exit code; panics, with the output, when it does not end within `bound`.
    pub async fn terminate(&mut self, bound: Duration) -> i32 {
        self.process.terminate();
        self.wait(bound).await
    }

    /// The exit code (128 and the signal's number after a signal) of a command that ends by itself;
    /// panics, with the output, when it does not within `bound`.
    pub async fn wait(&mut self, bound: Duration) -> i32 {
        exit_code(self.process.wait(bound).await)
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// All that it wrote so far, to stdout and stderr.
    pub fn output(&self) -> String {
        self.process.output()
    }
}
