//! How much a running process may have: open files, memory. By `prlimit`, which comes with
//! util-linux. Only soft limits are changed, so that nobody has to be root to raise them again.

use std::process::{Command, Output};

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Open files and connections. Those that are open stay open.
    Files,
    /// Memory that can be written to, in bytes.
    Memory,
}

impl Limit {
    fn option(self) -> &'static str {
        match self {
            Limit::Files => "--nofile",
            Limit::Memory => "--data",
        }
    }

    /// How much the process may have now, as `set` takes it.
    pub fn of(self, process: u32) -> String {
        let said = prlimit(process, &[self.option(), "--output=SOFT", "--noheadings", "--raw"]);
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }

    /// Lets the process have so much from now on.
    pub fn set(self, process: u32, to: &str) {
        prlimit(process, &[&format!("{}={to}:", self.option())]);
    }
}

fn prlimit(process: u32, args: &[&str]) -> Output {
    let mut command = Command::new("prlimit");
    command.args(["--pid", &process.to_string()]).args(args);
    let said = command.output();
    let said = said.unwrap_or_else(|error| panic!("`prlimit`, of util-linux, is needed: {error}"));
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
    said
}
