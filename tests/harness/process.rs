//! A child process with its output in a file: killed on drop, and its last lines are shown when the
//! test that owned it panics.

use std::fs::{File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const LINES_SHOWN: usize = 60;
const SIGNAL_BOUND: Duration = Duration::from_secs(10);

/// A running child, or what is left of it: its exit status and its output.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts the command with stdout and stderr appended to `log`.
    pub fn spawn(name: &str, mut command: Command, log: &Path) -> Self {
        let out = append_to(log);
        let err = out.try_clone().expect("a file handle can be cloned");
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, once there is one.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the child is ours to wait for")
    }

    /// SIGKILL; returns when the process is gone. Harmless when it already was.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is ours to kill");
        self.child.wait().expect("the child is ours to wait for");
    }

    /// SIGTERM, without waiting.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// SIGINT, without waiting.
    pub fn interrupt(&self) {
        self.signal(Signal::SIGINT);
    }

    /// SIGSTOP; returns when the process stands still.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
        self.wait_for_stopped(true);
    }

    /// SIGCONT; returns when the process runs again.
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
        self.wait_for_stopped(false);
    }

    /// Waits for the exit; panics, with the output, when there is none within the bound.
    pub async fn wait(&mut self, bound: Duration) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.exited() {
                return status;
            }
            if began.elapsed() > bound {
                panic!("{} still runs after {bound:?}\n{}", self.name, self.output_tail());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// All that it wrote so far, to stdout and stderr.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines that it wrote.
    pub fn output_tail(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let shown = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        format!("--- the end of what {} wrote ---\n{shown}\n---", self.name)
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("process ids fit");
        kill(Pid::from_raw(id), signal)
            .unwrap_or_else(|error| panic!("cannot send {signal} to {}: {error}", self.name));
    }

    /// A stop is asynchronous: without this a request sent right after it could still be answered.
    fn wait_for_stopped(&self, stopped: bool) {
        let began = Instant::now();
        while self.is_stopped() != stopped {
            let waited = began.elapsed();
            assert!(waited < SIGNAL_BOUND, "{} did not follow a stop or go on", self.name);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Whether every thread is in state T.
    fn is_stopped(&self) -> bool {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id()));
        tasks.expect("the process exists").flatten().all(|task| {
            let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            stat.rsplit(") ").next().is_some_and(|fields| fields.starts_with('T'))
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.output_tail());
        }
        // Nothing is left to do when these fail: the test is over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exit code, or 128 and the signal's number, as a shell says it.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// The path of a server's binary in `target/servers`; panics, saying what to do, when it is missing.
pub fn server_binary(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers").join(name);
    assert!(path.exists(), "{} is missing: run `make servers`", path.display());
    path
}

fn append_to(path: &Path) -> File {
    let opened = OpenOptions::new().create(true).append(true).open(path);
    opened.unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()))
}
