//! Everything in one directory: `earmark run --embedded`, publishing to it, and `earmark demo`.

mod demo;
mod shop;

use std::process::{Command, Output};

use serde_json::Value;

/// What a command said.
pub struct Ran(Output);

impl Ran {
    /// Runs `earmark` to its end, without blocking the test's own runtime.
    pub async fn earmark(args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earmark"));
        command.args(args).envs(env.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        Ran(output.expect("its thread ends").expect("the command can be started"))
    }

    /// The same, if it ended with this code.
    pub fn with(self, code: i32) -> Ran {
        assert_eq!(self.0.status.code(), Some(code), "{}\n{}", self.out(), self.err());
        self
    }

    /// What it wrote to standard output.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    /// What it wrote to standard error.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// The same, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).expect("commands speak JSON")
    }
}
