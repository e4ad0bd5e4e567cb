//! `earmark drain`: a pod hands over what it has, and takes nothing more.

use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{Context, print, safe_mode::refusal, who::Who};
use crate::{
    cluster::{View, look},
    control,
    error::{Exit, Failure},
    nats::{
        NatsLeases,
        control::{DrainAnswer, drain},
    },
    ports::{Partition, PortError},
};

/// How often it is looked at what the pod still has.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Make a pod hand over its partitions to the others, and take no new ones until it is undone or
/// the pod is started anew.
///
/// Each partition pauses only for as long as its hand-over takes. The pod goes on running, and
/// takes events in over HTTP. If there is no other pod, its partitions wait.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark status              # which pods there are, and what they have
  earmark drain earmark-7d4f --reason 'its disk is full' --by ann
  earmark drain earmark-7d4f --undo --reason 'the disk has room' --by ann")]
pub struct Drain {
    /// The pod's name, as `earmark status` shows it.
    pod: String,
    /// Let it take part again.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    who: Who,
    /// How long to wait until it has handed everything over. Seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    timeout: u64,
}

#[derive(Serialize)]
struct Done {
    pod: String,
    undone: bool,
    /// What it had when it was asked.
    partitions: Vec<Partition>,
    /// What it still has.
    left: Vec<Partition>,
    /// Where EARMARK_AUDIT has it.
    audit: u64,
}

impl Drain {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = &context.settings;
        let (by, reason) = (self.who.by()?, self.who.reason()?.to_owned());
        let request = control::Drain { undo: self.undo, who: control::Who { by, reason } };
        let nats = context.connect("drain").await?;
        let within = Duration::from_millis(settings.nats.request_timeout_ms);
        let leases = NatsLeases::new(nats.clone());
        let partitions = settings.streams.partitions;
        let answer = drain(&nats.client(), &self.pod, &request, within).await?;
        let (had, audit) = match answer {
            Some(DrainAnswer::Done { partitions, audit, .. }) => (partitions, audit),
            Some(DrainAnswer::Refused(refused)) => return Err(refusal(&refused)),
            None => return Err(self.unknown(&look(&leases, partitions).await?)),
        };
        let left = match self.undo {
            true => Vec::new(),
            false => self.wait(&leases, partitions).await?,
        };
        let done = Done { pod: self.pod, undone: self.undo, partitions: had, left, audit };
        match context.json {
            true => print::json(&done),
            false => done.tell(),
        }
        Ok(if done.left.is_empty() { Exit::Done } else { Exit::TimedOut })
    }

    fn unknown(&self, view: &View) -> Failure {
        let pods: Vec<&str> = view.members().map(|member| member.pod.as_str()).collect();
        let known = if pods.is_empty() { "there are none".to_owned() } else { pods.join(", ") };
        Failure::new(Exit::Failed, format!("no pod {:?} listens", self.pod))
            .advise(format!("name one of the members: {known}"))
    }

    /// Waits until the pod has nothing; what it still has when the time is over.
    async fn wait(
        &self,
        leases: &NatsLeases,
        partitions: Partition,
    ) -> Result<Vec<Partition>, PortError> {
        let until = tokio::time::Instant::now() + Duration::from_secs(self.timeout);
        loop {
            let view = look(leases, partitions).await?;
            let held = view.held().filter(|(_, lease)| lease.pod == self.pod);
            let left: Vec<Partition> = held.map(|(partition, _)| partition).collect();
            if left.is_empty() || tokio::time::Instant::now() >= until {
                return Ok(left);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Done {
    fn tell(&self) {
        let Done { pod, partitions, left, .. } = self;
        let had = partitions.len();
        print::line(match (self.undone, left.len()) {
            (true, _) => format!("{pod} takes part again"),
            (false, 0) => format!("{pod} has handed over {had} partitions"),
            (false, left) => format!("{pod} had {had} partitions, and still has {left}"),
        });
    }
}
