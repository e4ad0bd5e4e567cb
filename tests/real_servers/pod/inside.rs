//! A pod in the process of a test, between real servers: so that its code can be made to fail.

use std::sync::Arc;

use actix::{Actor, Addr};
use earmark::{
    actors::Tap,
    app::{self, Adapters},
    config::Settings,
    nats::{Connections, NatsDepths, NatsLeases, orders::Desk},
    supervisor::{Ask, Supervisor},
};

use crate::{
    harness::wait_until,
    world::{BOUND, PARTITIONS},
};

/// A pod whose inputs pass a tap, and which hears operators; it serves everything.
pub async fn pod(settings: &Settings, tap: Tap) -> Addr<Supervisor> {
    let connections = Connections::open(&settings.nats).await.expect("NATS is there");
    let adapters = Adapters {
        ports: app::ports(settings, &connections).expect("the adapters can be made"),
        depths: Arc::new(NatsDepths::new(connections.control.clone())),
        stores: ["NATS", "Redis"],
        leases: Some(Arc::new(NatsLeases::new(connections.leases.clone()))),
        control: None,
    };
    let mut plan = app::plan(settings, adapters);
    plan.tap = Some(tap);
    let desk =
        Desk::new(&connections, &plan.owner, PARTITIONS, settings.control, settings.promotions);
    tokio::spawn(desk.serve());
    let supervisor = Supervisor::new(plan).start();
    wait_until("the pod serves everything", BOUND, async || {
        let report = supervisor.send(Ask).await;
        report.is_ok_and(|report| report.partitions.iter().all(|partition| partition.serving))
    })
    .await;
    supervisor
}
