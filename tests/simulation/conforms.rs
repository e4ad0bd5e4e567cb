//! The simulated ports keep the same sentences as the real ones: what is proved on them is proved
//! of a world like the real one.

use std::{any::Any, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{domain::event::Lane, ports::Partition};

use super::{
    case::Case,
    ports::PodView,
    suite::{self, Outside, Requester},
    world::World,
};

async fn simulated_world() -> suite::World {
    let world = World::new(Case::of(7));
    let ports = PodView::somebody(&world).ports();
    suite::World {
        input: ports.input,
        journal: ports.journal,
        outbox: ports.outbox,
        snapshots: ports.snapshots,
        archive: ports.archive,
        outside: Arc::new(Somebody(world)),
        _keep: Box::new(()) as Box<dyn Any + Send>,
    }
}

struct Somebody(World);

#[async_trait]
impl Outside for Somebody {
    async fn publish(&self, partition: Partition, lane: Lane, payload: Bytes) -> u64 {
        let now = self.0.now();
        let subject = format!("earmark.p.{partition}.{}.sku", lane.as_str());
        self.0.lock().input.append(now, &subject, None, payload).0
    }

    async fn requester(&self) -> (String, Box<dyn Requester>) {
        let inbox = "_INBOX.somebody".to_owned();
        (inbox.clone(), Box::new(Inbox(self.0.clone(), inbox)))
    }

    async fn object(&self, name: &str) -> Option<Bytes> {
        self.0.lock().objects.get(name).cloned()
    }
}

struct Inbox(World, String);

#[async_trait]
impl Requester for Inbox {
    async fn answer(&mut self) -> Bytes {
        loop {
            let answers = self.0.lock().answers.clone();
            if let Some((_, _, answer)) = answers.into_iter().find(|(_, to, _)| *to == self.1) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

suite::conformance!(super::simulated_world);
suite::archives!(super::simulated_world);
