//! A message of the command log: the commands of one record for one partition, together.

use serde::{Deserialize, Serialize};

use super::{entry::Origin, record::BadRecord};
use crate::domain::command::Command;

/// The version that this build writes.
const VERSION: u8 = 1;

/// A command and the event that began it all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The command.
    pub command: Command,
    /// The event at the root.
    pub origin: Option<Origin>,
}

/// A message of the command log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandGroup {
    /// The commands, in the order in which they were decided.
    pub commands: Vec<Carried>,
}

impl CommandGroup {
    /// The message's bytes.
    pub fn encode(&self) -> Result<Vec<u8>, BadRecord> {
        Ok(postcard::to_extend(self, vec![VERSION])?)
    }

    /// A message from its bytes.
    pub fn decode(bytes: &[u8]) -> Result<CommandGroup, BadRecord> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => Ok(postcard::from_bytes(rest)?),
            Some((&version, _)) => Err(BadRecord::UnknownVersion(version, VERSION)),
            None => Err(BadRecord::Malformed("no bytes".to_owned())),
        }
    }
}
