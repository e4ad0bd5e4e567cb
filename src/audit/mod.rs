//! What became of a run: the journal folded anew, and compared with every log.
//!
//! It asks no actor and no snapshot, and works over the ports, so that the embedded store and the
//! servers are judged alike. What came in is read from what was published, what left from what the
//! orders said; only what is promised and what lies there is read from the fold. What it says is
//! certain once the engine is at rest: what is under way then looks as if it had been forgotten.
//!
//! [`folding`] reads the journal of a partition and [`lanes`] what was published to it, one
//! partition after the other, so that one at a time is in memory; [`summing`] is what is kept of
//! its entities: [`units`], and the [`agreement`] between SKUs and orders. [`refused`] judges
//! refusals, [`said`] compares what stands in the logs of effects, [`heard`] what clients were
//! told. [`findings`] has what was found, and [`counts`] what was counted.

mod agreement;
pub mod counts;
pub mod findings;
mod folding;
pub mod heard;
mod lanes;
pub mod refused;
mod said;
mod summing;
mod units;

use std::{collections::BTreeMap, sync::Arc};

use self::{
    agreement::Agreement,
    findings::{Kind, Notes},
    folding::Folded,
    refused::Refusals,
    said::Expected,
    units::Accounts,
};
pub use self::{
    counts::{Counts, Units},
    findings::Findings,
    heard::Heard,
};
use crate::{
    contract::Limits,
    domain::{
        ids::EntityKey,
        time::{Span, Timestamp},
    },
    error::Failure,
    partition::{Ports, Published},
    ports::{Input, Journal, Outbox, Outlet, Partition},
};

/// The logs that are read.
#[derive(Clone)]
pub struct Logs {
    /// What was decided.
    pub journal: Arc<dyn Journal>,
    /// What was published.
    pub input: Arc<dyn Input>,
    /// What was said.
    pub outbox: Arc<dyn Outbox>,
}

impl From<Ports> for Logs {
    fn from(Ports { journal, input, outbox, .. }: Ports) -> Logs {
        Logs { journal, input, outbox }
    }
}

/// What is audited, and against what.
#[derive(Clone, Debug)]
pub struct Scope {
    /// How many partitions there are.
    pub partitions: Partition,
    /// What of the outcomes is published.
    pub published: Published,
    /// What events may look like.
    pub limits: Limits,
    /// The time of the audit.
    pub at: Timestamp,
    /// By how much a hold may have passed its deadline by then.
    pub margin: Span,
    /// Whether the hash of all entities is wanted: it takes a text of each.
    pub with_state: bool,
}

/// What came of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// What is wrong.
    pub findings: Findings,
    /// What there is.
    pub counts: Counts,
    /// The hash of all quantities, open holds, lines and payments, if it was wanted.
    pub state: Option<String>,
    /// What could not be compared any more, in words.
    pub unchecked: Vec<String>,
}

/// Looks at everything. A journal that does not begin with its first record cannot be audited.
pub async fn audit(logs: &Logs, scope: &Scope, heard: Heard) -> Result<Audited, Failure> {
    let mut audit = Audit::new(scope, heard);
    for partition in 0..scope.partitions {
        let mut folded = Folded::new(partition);
        audit.read_journal(&*logs.journal, &mut folded).await?;
        audit.read_lanes(&*logs.input, &mut folded).await?;
        audit.sum_up(&folded);
    }
    for outlet in [Outlet::Out, Outlet::DeadLetters] {
        audit.compare_effects(&*logs.outbox, outlet).await?;
    }
    Ok(audit.finish())
}

struct Audit<'a> {
    scope: &'a Scope,
    notes: Notes,
    counts: Counts,
    accounts: Accounts,
    agreement: Agreement,
    refusals: Refusals,
    expected: BTreeMap<Outlet, Expected>,
    heard: Heard,
    /// What the hash is made of.
    told: BTreeMap<EntityKey, String>,
    unchecked: Vec<String>,
}

impl<'a> Audit<'a> {
    fn new(scope: &'a Scope, heard: Heard) -> Audit<'a> {
        Audit {
            scope,
            notes: Notes::default(),
            counts: Counts::default(),
            accounts: Accounts::default(),
            agreement: Agreement::default(),
            refusals: Refusals::default(),
            expected: BTreeMap::new(),
            heard,
            told: BTreeMap::new(),
            unchecked: Vec::new(),
        }
    }

    fn finish(mut self) -> Audited {
        self.counts.units = self.accounts.balance(&mut self.notes);
        self.agreement.finish(&mut self.notes);
        self.heard.finish(&mut self.notes);
        Audited {
            state: self.scope.with_state.then(|| hash(&self.told)),
            findings: self.notes.finish(),
            counts: self.counts,
            unchecked: self.unchecked,
        }
    }

    fn note(&mut self, (kind, rule): (Kind, &'static str), place: u64, text: String) {
        self.notes.note((kind, rule), place, text);
    }
}

fn hash(told: &BTreeMap<EntityKey, String>) -> String {
    let mut hash = blake3::Hasher::new();
    for (key, said) in told {
        hash.update(format!("{key} {said}\n").as_bytes());
    }
    hash.finalize().to_hex()[..16].to_owned()
}
