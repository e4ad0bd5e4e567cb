//! Why a command did not do what it was asked, in words for its reader, and its exit code.

use std::{fmt, process::ExitCode};

use serde::Serialize;

use crate::{
    config::Problems,
    nats::setup::SetupError,
    ports::{Partition, PortError},
};

/// What a command's exit code says. They are part of the command's interface and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// All of it was done.
    Done = 0,
    /// Some of it was refused, or failed.
    Failed = 1,
    /// The command, or the settings, cannot be understood.
    Usage = 2,
    /// A server cannot be reached.
    Unreachable = 3,
    /// The time given with `--timeout`, or by the settings, is over.
    TimedOut = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what it was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Of which kind it is.
    pub exit: Exit,
    /// What was being done, and what came of it.
    pub error: String,
    /// What to do about it.
    pub action: Option<String>,
}

impl Failure {
    /// Something failed.
    pub fn new(exit: Exit, error: impl fmt::Display) -> Failure {
        Failure { exit, error: error.to_string(), action: None }
    }

    /// The same, with what to do about it.
    pub fn advise(self, action: impl Into<String>) -> Failure {
        Failure { action: Some(action.into()), ..self }
    }

    /// NATS or Redis did not do something.
    pub fn unreachable(error: impl fmt::Display) -> Failure {
        let action = "see that the server runs and that its address is right \
                      (EARMARK_NATS_URL, EARMARK_REDIS_URL); `earmark check` looks at everything";
        Failure::new(Exit::Unreachable, error).advise(action)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)?;
        self.action.iter().try_for_each(|action| write!(f, "\n  what to do: {action}"))
    }
}

impl std::error::Error for Failure {}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Failure {
        Failure::unreachable(error)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Failure {
        Failure::new(Exit::Usage, problems)
    }
}

/// What to do about another number of partitions than was set up.
pub fn keep_partitions(stored: Partition) -> String {
    format!(
        "set streams.partitions to {stored} (EARMARK__STREAMS__PARTITIONS): the number never \
         changes; for another one, use servers without data"
    )
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Failure {
        match error {
            SetupError::Port(error) => error.into(),
            SetupError::Settings(why) => Failure::new(Exit::Usage, why),
            SetupError::PartitionsDiffer { stored, .. } => {
                Failure::new(Exit::Failed, error).advise(keep_partitions(stored))
            }
            SetupError::NoRoom { .. } => Failure::new(Exit::Failed, error).advise(
                "raise max_file_store in nats-server's settings, or lower streams.*_bytes_max",
            ),
        }
    }
}
