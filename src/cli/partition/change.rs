//! What both commands that change a partition have in common: a plan that is said first, nobody
//! who serves meanwhile, and an audit before and after.

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Stores,
    look::{Archives, Seen, look},
    show::{tell, value},
};
use crate::{
    cli::{print, who},
    cluster::{self, Phase},
    contract::time,
    error::{Exit, Failure},
    nats::{NatsLeases, audit, names},
    partition::format::BEGINS_ANEW,
    ports::Partition,
};

/// Who does it, why, and whether at all.
#[derive(Debug, Args)]
pub struct How {
    /// Do it. Without this, what would be done is said, and nothing is changed.
    #[arg(long)]
    apply: bool,
    /// Why, for the audit trail.
    #[arg(long, value_name = "TEXT", required_if_eq("apply", "true"))]
    reason: Option<String>,
    /// Who does it, for the audit trail; the user's name if nothing is said.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub command: &'static str,
    pub partition: Partition,
    pub applied: bool,
    /// The record that was appended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// What is done, in order.
    pub steps: Vec<String>,
    /// What is lost by it.
    pub lost: Vec<String>,
    /// What else is to be known.
    pub notes: Vec<String>,
    pub before: Seen,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Seen>,
}

/// A record that begins a partition anew, once it is appended.
pub struct Begun {
    pub record: u64,
    /// What could not be done beside.
    pub warning: Option<String>,
}

impl Plan {
    /// What a command would do to a partition that was seen like this.
    pub fn new(
        command: &'static str,
        before: &Seen,
        steps: Vec<String>,
        lost: Vec<String>,
    ) -> Plan {
        Plan {
            command,
            partition: before.partition,
            applied: false,
            record: None,
            steps,
            lost,
            notes: Vec::new(),
            before: before.clone(),
            after: None,
        }
    }
}

impl How {
    pub fn by(&self) -> Result<String, Failure> {
        who::by(self.by.as_deref())
    }

    pub fn reason(&self) -> String {
        self.reason.clone().unwrap_or_default()
    }

    /// Says the plan; does it if that is wanted.
    pub async fn carry_out(
        &self,
        stores: &Stores<'_>,
        mut plan: Plan,
        json: bool,
        act: impl AsyncFnOnce() -> Result<Begun, Failure>,
    ) -> Result<Exit, Failure> {
        refuse_if_served(&plan.before)?;
        refuse_if_unread(stores).await?;
        plan.notes.extend(nobody_known(&plan.before));
        if !self.apply {
            say(&plan, json);
            return Ok(Exit::Done);
        }
        if self.reason().trim().is_empty() {
            return Err(Failure::new(Exit::Usage, "--reason is empty").advise("say why"));
        }
        self.audit(stores, &plan, json!({"phase": "begins"})).await?;
        match act().await {
            Ok(begun) => {
                self.conclude(stores, &mut plan, begun).await;
                say(&plan, json);
                Ok(Exit::Done)
            }
            Err(failure) => {
                let failed = json!({"phase": "failed", "error": failure.to_string()});
                if let Err(unsaid) = self.audit(stores, &plan, failed).await {
                    print::aside(format_args!("earmark: the audit does not have it: {unsaid}"));
                }
                Err(failure)
            }
        }
    }

    /// What is done is done, whatever cannot be said of it or seen of it afterwards.
    async fn conclude(&self, stores: &Stores<'_>, plan: &mut Plan, begun: Begun) {
        (plan.applied, plan.record) = (true, Some(begun.record));
        plan.notes.extend(begun.warning);
        let done = json!({"phase": "done", "record": begun.record});
        if let Err(unsaid) = self.audit(stores, plan, done).await {
            plan.notes.push(format!("EARMARK_AUDIT does not say that it was done: {unsaid}"));
        }
        match look(stores, plan.partition, Archives::Described).await {
            Ok(after) => plan.after = Some(after),
            Err(error) => plan.notes.push(format!("it was not looked at again: {error}")),
        }
    }

    async fn audit(&self, stores: &Stores<'_>, plan: &Plan, more: Value) -> Result<(), Failure> {
        let mut message = json!({
            "at": time::format(stores.ports.clock.now()),
            "by": self.by()?,
            "reason": self.reason(),
            "command": plan.command,
            "partition": plan.partition,
            "steps": plan.steps,
            "lost": plan.lost,
            "before": value(&plan.before),
        });
        if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
            message.extend(more);
        }
        let control = &stores.connections.control;
        audit::write(control, names::AUDIT_PARTITION, &message).await?;
        Ok(())
    }
}

fn refuse_if_served(seen: &Seen) -> Result<(), Failure> {
    let Some(lease) = &seen.lease else { return Ok(()) };
    match lease.phase {
        Phase::Waiting | Phase::Free => Ok(()),
        Phase::Serving | Phase::Recovering | Phase::Leaving => {
            let (partition, pod) = (seen.partition, &lease.pod);
            let text = format!("partition {partition} is in the hands of {pod}: its lease says so");
            let advice = "stop that pod, or wait until its lease has lapsed, and try again";
            Err(Failure::new(Exit::Failed, text).advise(advice))
        }
    }
}

/// A pod that cannot read what is written could not serve the partition afterwards.
async fn refuse_if_unread(stores: &Stores<'_>) -> Result<(), Failure> {
    let leases = NatsLeases::new(stores.connections.leases.clone());
    let view = cluster::look(&leases, stores.partitions()).await?;
    let older = view.members().filter(|member| member.reads < BEGINS_ANEW);
    let older: Vec<&str> = older.map(|member| member.pod.as_str()).collect();
    if older.is_empty() {
        return Ok(());
    }
    let pods = older.join(", ");
    let text = format!("the record would be in format {BEGINS_ANEW}, which is not read by: {pods}");
    Err(Failure::new(Exit::Failed, text).advise("upgrade or stop these pods, and try again"))
}

fn nobody_known(seen: &Seen) -> Option<String> {
    seen.lease.is_none().then(|| {
        "no lease is held, so whether a pod serves the partition cannot be seen: stop those that \
         might. One that does steps down at its next record"
            .to_owned()
    })
}

fn say(plan: &Plan, json: bool) {
    if json {
        return print::json(plan);
    }
    tell(&plan.before);
    let list = |heading: &str, lines: &[String]| {
        if !lines.is_empty() {
            print::line(format!("\n{heading}"));
            lines.iter().for_each(|line| print::line(format!("  - {line}")));
        }
    };
    let (done, lost) = match plan.applied {
        true => ("was done:", "was lost by it:"),
        false => ("would be done:", "would be lost by it:"),
    };
    list(&format!("{}: this {done}", plan.command), &plan.steps);
    list(&format!("this {lost}"), &plan.lost);
    list("to be known:", &plan.notes);
    if !plan.applied {
        return print::line("\nnothing was changed; --apply --reason TEXT does it");
    }
    if let Some(after) = &plan.after {
        print::line("\nand now:");
        tell(after);
    }
    print::line(
        "the pod that has the partition looks again, soon after supervisor.restart_max_ms at the \
         latest, and serves it",
    );
}
