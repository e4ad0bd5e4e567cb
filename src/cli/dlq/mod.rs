//! `earmark dlq`: what could not be taken, what it means, and what an operator does with it.
//!
//! Promises: `ls` and `show` change nothing. `replay` and `discard` change nothing without
//! `--apply`: they say what would be done. With it, EARMARK_AUDIT has who does it and why before
//! anything is done, and what came of each letter. No letter is ever deleted.

mod asking;
mod came;
mod desk;
mod discard;
mod late;
mod ls;
mod replay;
mod show;
mod trying;

use clap::{Args, Subcommand};

use self::desk::Desk;
use super::Context;
use crate::error::{Exit, Failure};

/// Look at dead letters, replay them or discard them.
///
/// Letters of one event count once. A letter is open until its event was decided after all, or
/// until somebody discards it; a letter that comes later is open again.
#[derive(Debug, Args)]
pub struct DeadLetters {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Ls(ls::Ls),
    Show(show::Show),
    Replay(replay::Replay),
    Discard(discard::Discard),
}

impl DeadLetters {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let desk = Desk::open(context).await?;
        match self.what {
            What::Ls(ls) => ls.run(&desk).await,
            What::Show(show) => show.run(&desk).await,
            What::Replay(replay) => replay.run(&desk).await,
            What::Discard(discard) => discard.run(&desk).await,
        }
    }
}
