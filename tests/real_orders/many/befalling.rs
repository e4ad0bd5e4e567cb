//! How each fault begins and ends. What can be known of it without a clock is waited for: that a
//! pod died of it, that a server noticed.

use std::time::Duration;

use async_nats::jetstream;

use super::{
    Cluster, PODS,
    fault::{Fault, Realm},
};
use crate::{
    harness::{Direction, Limit, info, wait_for, wait_until},
    watch::BOUND,
};

/// How much longer a pod's ways take, each way.
const POD_SLOW: Duration = Duration::from_millis(200);
/// How much longer the ways between a nats-server and the others take.
const SERVER_SLOW: Duration = Duration::from_millis(100);
/// How much longer the way to Redis takes.
const REDIS_SLOW: Duration = Duration::from_millis(300);
/// By how much a clock may be off, and by how much not, in seconds.
const OFF_S: f64 = 1.5;
const WRONG_S: f64 = 600.0;
/// What a pod says of its clock.
const CLOCK_WRONG: &str = "the pod's clock is off the server's: it serves nothing";
const CLOCK_RIGHT: &str = "the pod's clock is right";
/// What a nats-server says when it has no room left.
const NO_ROOM: &str = "JetStream out of";
/// How often a disk that has to be full is filled: servers delete what is old.
const FILL_EVERY: Duration = Duration::from_millis(100);
/// The first descriptors of a process are its input and output.
const FILES_ALWAYS: usize = 3;

/// What befell the cluster, and has to be ended.
pub struct Befallen {
    fault: Fault,
    /// Which pod or server.
    whom: usize,
    /// How it was before.
    before: Before,
}

/// What has to be known of before a fault.
enum Before {
    Nothing,
    /// How much the process was allowed to have.
    Allowed(String),
    /// How often something had been said.
    Said(usize),
}

impl Cluster {
    /// These faults befall the cluster at once, for a while.
    pub async fn befall(&mut self, faults: &[Fault]) {
        let mut begun: Vec<Befallen> = Vec::new();
        for fault in faults {
            let whom = self.whom(*fault, &begun).await;
            begun.push(self.begin(*fault, whom).await);
        }
        let calm = if faults.is_empty() { Fault::PodFrozen.lasts() } else { Duration::ZERO };
        let lasts = faults.iter().map(|fault| fault.lasts()).max().unwrap_or(calm);
        let full = begun.iter().any(|befallen| befallen.fault.fills());
        let until = tokio::time::Instant::now() + lasts;
        while full && tokio::time::Instant::now() + FILL_EVERY < until {
            begun.iter().for_each(|befallen| self.fill(befallen.fault));
            tokio::time::sleep(FILL_EVERY).await;
        }
        tokio::time::sleep_until(until).await;
        let alone = faults.len() == 1;
        for befallen in begun {
            self.end(befallen, alone).await;
        }
    }

    async fn whom(&mut self, fault: Fault, begun: &[Befallen]) -> usize {
        match (fault, fault.realm()) {
            (Fault::LeaderKilled, _) => self.leader().await,
            // The first server has a disk of its own.
            (Fault::ServerDiskFull, _) | (_, Realm::Redis) => 0,
            (_, Realm::Servers) => self.draw(3),
            (_, Realm::Pods) => loop {
                let pod = self.draw(PODS);
                let suffers = |of: &Befallen| of.fault.realm() == Realm::Pods && of.whom == pod;
                if !begun.iter().any(suffers) {
                    return pod;
                }
            },
        }
    }

    async fn begin(&mut self, fault: Fault, whom: usize) -> Befallen {
        let before = match fault.realm() {
            Realm::Pods => self.begin_with_pod(fault, whom).await,
            Realm::Servers => self.begin_with_server(fault, whom).await,
            Realm::Redis => self.begin_with_redis(fault).await,
        };
        Befallen { fault, whom, before }
    }

    async fn begin_with_pod(&mut self, fault: Fault, whom: usize) -> Before {
        let member = &self.members[&whom];
        let process = member.pod.id();
        match fault {
            Fault::PodKilled => {
                self.members.remove(&whom);
            }
            Fault::PodFrozen => member.pod.freeze(),
            Fault::PodCutOff => member.cut_off(),
            Fault::PodSlow => member.slow(POD_SLOW),
            Fault::PodReplaced => {
                let old = self.members.remove(&whom);
                self.leaving.extend(old);
                self.start(whom).await;
            }
            Fault::PodOutOfFiles => {
                let (allowed, open) = (Limit::Files.of(process), member.pod.files());
                Limit::Files.set(process, &FILES_ALWAYS.to_string());
                member.disconnect();
                let fewer = async || member.pod.files() < open;
                wait_until("a pod has lost its connections", BOUND, fewer).await;
                return Before::Allowed(allowed);
            }
            Fault::PodOutOfMemory => {
                let has = member.pod.memory_writable();
                Limit::Memory.set(process, &has.to_string());
                member.post_much().await;
            }
            Fault::PodClockOff | Fault::PodClockWrong => {
                let ahead = if self.draw(2) == 0 { 1.0 } else { -1.0 };
                let off = if fault == Fault::PodClockOff { OFF_S } else { WRONG_S };
                let member = &self.members[&whom];
                let said = member.said(CLOCK_WRONG);
                member.set_clock(ahead * off);
                return Before::Said(said);
            }
            other => unreachable!("{other:?} befalls no pod"),
        }
        Before::Nothing
    }

    async fn begin_with_server(&mut self, fault: Fault, whom: usize) -> Before {
        let server = &mut self.nats.servers[whom];
        match fault {
            Fault::LeaderKilled => server.kill(),
            Fault::ServerFrozen => server.freeze(),
            Fault::ServerCutOff => self.nats.cut_off(whom),
            Fault::ServerSlow => self.nats.slow(whom, SERVER_SLOW),
            Fault::ServersRestarted => {
                for server in 0..3 {
                    self.nats.servers[server].kill();
                    self.nats.servers[server].restart().await;
                    self.nats.wait_for_replicas().await;
                }
            }
            Fault::ServerDiskFull => {
                let said = server.log().matches(NO_ROOM).count();
                server.disk().fill();
                return Before::Said(said);
            }
            other => unreachable!("{other:?} befalls no server"),
        }
        Before::Nothing
    }

    async fn begin_with_redis(&mut self, fault: Fault) -> Before {
        match fault {
            Fault::RedisKilled => self.redis.kill(),
            Fault::RedisFrozen => self.redis.freeze(),
            Fault::RedisCutOff => self.to_redis.cut(Direction::Both),
            Fault::RedisSlow => self.to_redis.delay(REDIS_SLOW),
            Fault::RedisFlushed => {
                self.redis.wipe();
                self.redis.restart().await;
            }
            Fault::RedisRolledBack => {
                let before = self.before.take().expect("it was copied");
                self.redis.roll_back(&before).await;
                self.before = Some(before);
            }
            Fault::RedisFailedOver => {
                self.redis.kill();
                self.replica.promote().await;
                let next = self.replica.replica().await;
                self.redis = std::mem::replace(&mut self.replica, next);
                self.to_redis.lead_to(self.redis.addr());
            }
            Fault::RedisOutOfMemory => self.redis.configure("maxmemory", "1").await,
            Fault::RedisDiskFull => {
                // As deployed: with `always` it ends by itself, which is being killed.
                self.redis.configure("appendfsync", "everysec").await;
                self.redis.disk().fill();
            }
            other => unreachable!("{other:?} does not befall Redis"),
        }
        Before::Nothing
    }

    /// What the disk's owner deleted meanwhile makes no room.
    fn fill(&self, fault: Fault) {
        match fault {
            Fault::ServerDiskFull => self.nats.servers[0].disk().fill(),
            Fault::RedisDiskFull => self.redis.disk().fill(),
            _ => {}
        }
    }

    async fn end(&mut self, befallen: Befallen, alone: bool) {
        let Befallen { fault, whom, before } = befallen;
        match fault.realm() {
            Realm::Pods => self.end_with_pod(fault, whom, before, alone).await,
            Realm::Servers => self.end_with_server(fault, whom, before).await,
            Realm::Redis => self.end_with_redis(fault).await,
        }
    }

    async fn end_with_pod(&mut self, fault: Fault, whom: usize, before: Before, alone: bool) {
        match (fault, before) {
            (Fault::PodKilled, _) => self.start(whom).await,
            (Fault::PodFrozen, _) => self.members[&whom].pod.thaw(),
            (Fault::PodCutOff | Fault::PodSlow, _) => self.members[&whom].heal().await,
            (Fault::PodReplaced, _) => {
                for mut old in std::mem::take(&mut self.leaving) {
                    let code = old.leave().await;
                    // Where something else befalls the cluster, it may have to leave as it is.
                    assert!(!alone || code == 0, "{code}: {}", old.pod.output());
                }
            }
            (Fault::PodOutOfFiles, Before::Allowed(allowed)) => {
                let pod = &mut self.members.get_mut(&whom).expect("there is such a pod").pod;
                assert!(pod.is_running(), "it may wait for files, and not end: {}", pod.output());
                Limit::Files.set(pod.id(), &allowed);
            }
            (Fault::PodOutOfMemory, _) => {
                let mut dying = self.members.remove(&whom).expect("there is such a pod");
                wait_until("a pod without memory ends", BOUND, async || {
                    dying.post_much().await;
                    !dying.pod.is_running()
                })
                .await;
                self.start(whom).await;
            }
            (Fault::PodClockOff, Before::Said(said)) => {
                let member = &self.members[&whom];
                member.set_clock(0.0);
                assert_eq!(member.said(CLOCK_WRONG), said, "so much is allowed");
            }
            (Fault::PodClockWrong, Before::Said(said)) => {
                let member = &self.members[&whom];
                let noticed = async || member.said(CLOCK_WRONG) > said;
                wait_until("a pod sees that its clock is wrong", BOUND, noticed).await;
                let said = member.said(CLOCK_RIGHT);
                member.set_clock(0.0);
                let noticed = async || member.said(CLOCK_RIGHT) > said;
                wait_until("a pod sees that its clock is right", BOUND, noticed).await;
            }
            (other, _) => unreachable!("{other:?} befalls no pod"),
        }
    }

    async fn end_with_server(&mut self, fault: Fault, whom: usize, before: Before) {
        let server = &mut self.nats.servers[whom];
        match (fault, before) {
            (Fault::LeaderKilled, _) => server.restart().await,
            (Fault::ServerFrozen, _) => server.thaw(),
            (Fault::ServerCutOff | Fault::ServerSlow, _) => self.nats.heal(whom).await,
            (Fault::ServersRestarted, _) => {}
            (Fault::ServerDiskFull, Before::Said(said)) => {
                let noticed = async || {
                    server.disk().fill();
                    server.log().matches(NO_ROOM).count() > said
                };
                wait_until("a nats-server sees that its disk is full", BOUND, noticed).await;
                server.disk().free();
                // It has given JetStream up, and does not try again by itself.
                server.restart().await;
            }
            (other, _) => unreachable!("{other:?} befalls no server"),
        }
    }

    async fn end_with_redis(&mut self, fault: Fault) {
        match fault {
            Fault::RedisKilled => self.redis.restart().await,
            Fault::RedisFrozen => self.redis.thaw(),
            Fault::RedisCutOff | Fault::RedisSlow => self.to_redis.heal().await,
            Fault::RedisFlushed | Fault::RedisRolledBack | Fault::RedisFailedOver => {}
            Fault::RedisOutOfMemory => self.redis.configure("maxmemory", "0").await,
            Fault::RedisDiskFull => {
                self.redis_writes("err").await;
                self.redis.disk().free();
                self.redis_writes("ok").await;
                self.redis.configure("appendfsync", "always").await;
            }
            other => unreachable!("{other:?} does not befall Redis"),
        }
    }

    /// Returns when Redis says so of its last write to its disk.
    async fn redis_writes(&self, how: &str) {
        let mut connection = self.redis.connection().await;
        let said = format!("aof_last_write_status:{how}");
        wait_until(&said, BOUND, async || {
            if how == "err" {
                self.redis.disk().fill();
            }
            info(&mut connection, "persistence").await.contains(&said)
        })
        .await;
    }

    /// The server that leads the journal's stream.
    async fn leader(&self) -> usize {
        let context = jetstream::new(self.nats.client().await);
        wait_for("the journal has a leader", BOUND, async || {
            let stream = context.get_stream("EARMARK_JOURNAL").await.ok()?;
            let leader = stream.cached_info().cluster.as_ref()?.leader.clone()?;
            let number: usize = leader.trim_start_matches('n').parse().ok()?;
            number.checked_sub(1)
        })
        .await
    }
}
