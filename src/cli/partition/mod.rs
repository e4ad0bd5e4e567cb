//! `earmark partition`: what each store knows of a partition, and what an operator can do about one
//! that lost something.
//!
//! Promises: `show` changes nothing. The others change nothing without `--apply`: they say what
//! would be done and what would be lost. With it, EARMARK_AUDIT has who did what and why before it
//! is done, and what came of it afterwards. A partition that is served is left alone.

mod accept;
mod chain;
mod change;
mod judge;
mod look;
mod reseed;
mod show;

use clap::{Args, Subcommand};

use super::Context;
use crate::{
    app,
    error::{Exit, Failure},
    nats::{Connections, setup},
    partition::Ports,
    ports::Partition,
};

/// Show what each store knows of a partition, and begin anew where one lost something.
#[derive(Debug, Args)]
pub struct Partitions {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Show(show::Show),
    Reseed(reseed::Reseed),
    AcceptLoss(accept::AcceptLoss),
}

impl Partitions {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let stores = Stores::open(context).await?;
        match self.what {
            What::Show(show) => show.run(&stores, context.json).await,
            What::Reseed(reseed) => reseed.run(&stores, context.json).await,
            What::AcceptLoss(accept) => accept.run(&stores, context.json).await,
        }
    }
}

/// What the commands work with.
struct Stores<'a> {
    context: &'a Context,
    connections: Connections,
    ports: Ports,
}

impl<'a> Stores<'a> {
    async fn open(context: &'a Context) -> Result<Stores<'a>, Failure> {
        let connections = Connections::open(&context.settings.nats).await?;
        setup::refuse_other_partitions(&connections.control, &context.settings.streams).await?;
        let ports = app::ports(&context.settings, &connections)?;
        Ok(Stores { context, connections, ports })
    }

    fn partitions(&self) -> Partition {
        self.context.settings.streams.partitions
    }

    fn check(&self, partition: Partition) -> Result<(), Failure> {
        let partitions = self.partitions();
        match partition < partitions {
            true => Ok(()),
            false => {
                let text = format!("there is no partition {partition}: there are {partitions}");
                let advice = format!("name one from 0 to {}", partitions.saturating_sub(1));
                Err(Failure::new(Exit::Usage, text).advise(advice))
            }
        }
    }
}
