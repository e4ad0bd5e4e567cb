//! Who does what an operator's command does, and why: for the audit trail.

use clap::Args;

use crate::error::{Exit, Failure};

/// Who does it, and why.
#[derive(Debug, Args)]
pub struct Who {
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who does it, for the audit trail; the user's name if nothing is said.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Who {
    /// Who does it, by name.
    pub fn by(&self) -> Result<String, Failure> {
        by(self.by.as_deref())
    }

    /// Why it is done.
    pub fn reason(&self) -> Result<&str, Failure> {
        let said = self.reason.as_deref().filter(|reason| !reason.trim().is_empty());
        said.ok_or_else(|| {
            Failure::new(Exit::Usage, "it is not said why").advise("add --reason TEXT")
        })
    }
}

/// Who does it: who is given, or else the user.
pub fn by(given: Option<&str>) -> Result<String, Failure> {
    let named = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let by = given.map(str::to_owned).or(named);
    by.filter(|name| !name.trim().is_empty()).ok_or_else(|| {
        Failure::new(Exit::Usage, "nobody is named who does it").advise("add --by NAME")
    })
}
