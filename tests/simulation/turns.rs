//! In which order a pod lets effects leave: those of one message after another in the order of
//! their records, and none of a later record while one of an earlier is not acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{
    partition::effects::{index_of_id, sequence_of_id},
    ports::{Outgoing, Outlet, Partition},
};

/// What a pod has sent of each partition and nobody has acknowledged.
#[derive(Default)]
pub struct Turns(BTreeMap<Partition, BTreeSet<(Outlet, String)>>);

impl Turns {
    /// The partition begins anew.
    pub fn forget(&mut self, partition: Partition) {
        self.0.remove(&partition);
    }

    /// These are sent together; what is wrong with that.
    pub fn sends(&mut self, messages: &[Outgoing]) -> Option<String> {
        let ids = || messages.iter().filter_map(named);
        let mut last = BTreeMap::new();
        for (outlet, id) in ids() {
            let place = place(outlet, id);
            if last.insert(outlet, place).is_some_and(|before| before > place) {
                return Some(format!("{id} is sent after a later one"));
            }
        }
        let partition = ids().next().and_then(|(_, id)| super::checks::partition_of_id(id))?;
        let open = self.0.entry(partition).or_default();
        let sent: BTreeSet<_> = ids().map(|(outlet, id)| (outlet, id.to_owned())).collect();
        let skipped = open.iter().find(|of| !sent.contains(of)).map(|(_, id)| id.clone());
        open.extend(sent);
        skipped.map(|id| format!("{id} is not acknowledged, and others are sent"))
    }

    /// One is heard of no more: it was acknowledged, or given up.
    pub fn done(&mut self, message: &Outgoing) {
        let Some((outlet, id)) = named(message) else { return };
        let partition = super::checks::partition_of_id(id).unwrap_or_default();
        if let Some(open) = self.0.get_mut(&partition) {
            open.remove(&(outlet, id.to_owned()));
        }
    }
}

/// Messages that have a name; availability is sent by its SKU.
fn named(message: &Outgoing) -> Option<(Outlet, &str)> {
    Some((message.outlet, message.id.as_deref()?))
}

/// An effect's place among those of its outlet. The commands of one record may stand as they like.
fn place(outlet: Outlet, id: &str) -> (u64, u32) {
    let index = index_of_id(id).filter(|_| outlet == Outlet::Out);
    (sequence_of_id(id).unwrap_or_default(), index.unwrap_or_default())
}
