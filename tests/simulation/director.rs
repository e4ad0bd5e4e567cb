//! Makes things go wrong, one after another, as the seed says.

use std::{collections::BTreeMap, time::Duration};

use earmark::{
    domain::{
        command::{CommandBody, SkuCommand},
        ids::EntityKey,
    },
    partition::commands::CommandGroup,
    ports::Partition,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::{
    case::Part,
    pod::Pod,
    ports::Health,
    simulation::PARTITIONS,
    world::{Shelf, Stored, World},
};

/// So long before the end the journal loses its tail, in the seeds in which it does: nothing else
/// that a partition could know of the loss by is lost after that.
const CUT_BEFORE_END: Duration = Duration::from_secs(15);

/// How old a command may be that is sent again.
const REMEMBERED_MICROS: i64 = 45_000_000;
/// So long a pod may have heard of nothing that it sent.
const UNHEARD_MICROS: i64 = 3_000_000;

pub struct Director {
    world: World,
    rng: ChaCha8Rng,
    end: Instant,
    pods: Vec<Pod>,
    started: usize,
    backup: Option<BTreeMap<Partition, Shelf>>,
}

impl Director {
    pub fn new(world: World, end: Instant) -> Director {
        let pods = vec![Pod::start(&world, "pod-0")];
        let rng = ChaCha8Rng::seed_from_u64(world.case.seed ^ 0xfa17);
        Director { world, rng, end, pods, started: 1, backup: None }
    }

    /// Waits for a while and lets something go wrong.
    pub async fn act(&mut self) {
        let pause = Duration::from_millis(self.rng.random_range(300..4_000));
        tokio::time::sleep(pause).await;
        self.replace_the_dead();
        let is_cut = self.world.case.seed % 5 == 3 && self.world.case.has(Part::JournalCut);
        if is_cut && Instant::now() + CUT_BEFORE_END >= self.end {
            return self.act_on_a_cut_journal().await;
        }
        let part = match self.rng.random_range(0..20) {
            0..3 => Part::Crash,
            3 => Part::Freeze,
            4..6 => Part::TwoOwners,
            6 => Part::StoreAway,
            7 => Part::StoreEmptied,
            8 => Part::StoreRolledBack,
            9 => Part::OutLost,
            10 => Part::InputLost,
            11 => Part::CommandsLost,
            12 => Part::Clock,
            13 => Part::Leaving,
            14 => Part::Slow,
            15 => Part::CommandsAgain,
            16 => Part::InputBlockLost,
            17 => Part::InputEmptied,
            _ => Part::Trouble,
        };
        if self.world.case.has(part) {
            self.let_go_wrong(part).await;
        }
    }

    async fn let_go_wrong(&mut self, part: Part) {
        match part {
            Part::Crash => self.crash().await,
            Part::Freeze => self.freeze().await,
            Part::TwoOwners => self.two_owners().await,
            Part::StoreAway => self.store_away().await,
            Part::StoreEmptied => self.flush_store(),
            Part::StoreRolledBack => self.roll_back_store(),
            Part::OutLost => self.lose_out(),
            Part::InputLost => self.lose_input().await,
            Part::InputBlockLost => self.lose_input_block(),
            Part::InputEmptied => self.empty_input(),
            Part::CommandsLost => self.lose_commands().await,
            Part::Clock => self.jump_clock(),
            Part::Leaving => self.leave_and_return().await,
            Part::Slow => self.slow_down().await,
            Part::CommandsAgain => self.say_again(),
            _ => self.change_trouble(),
        }
    }

    async fn act_on_a_cut_journal(&mut self) {
        self.cut_journal();
        match self.rng.random_range(0..3) {
            0 => self.crash().await,
            1 => self.two_owners().await,
            _ => self.leave_and_return().await,
        }
    }

    // === pods ===

    /// A process that died of an input comes back, as its orchestrator sees to it.
    pub fn replace_the_dead(&mut self) {
        let (dead, alive) = std::mem::take(&mut self.pods).into_iter().partition(Pod::is_dead);
        self.pods = alive;
        for pod in <Vec<Pod>>::into_iter(dead) {
            pod.kill();
        }
        if self.pods.is_empty() {
            self.start_pod();
        }
    }

    fn start_pod(&mut self) {
        let name = format!("pod-{}", self.started);
        self.started += 1;
        let pod = Pod::start(&self.world, &name);
        pod.set_skew(self.rng.random_range(-1_500_000..1_500_000));
        self.pods.push(pod);
    }

    async fn crash(&mut self) {
        self.world.count("fault: a pod is killed");
        if let Some(pod) = self.pods.pop() {
            pod.kill();
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(50..1_500))).await;
        if self.pods.is_empty() {
            if self.rng.random_bool(0.5) {
                self.world.count("fault: an outage longer than the server remembers ids");
                self.world.lock().out.forget_ids();
            }
            self.start_pod();
        }
    }

    async fn freeze(&mut self) {
        self.world.count("fault: a pod is frozen, another takes over");
        if let Some(pod) = self.pods.last() {
            tracing::debug!(pod = pod.name(), "frozen");
            pod.set_health(Health::Frozen);
        }
        let frozen = self.pods.len() - 1;
        self.start_pod();
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(500..4_000))).await;
        self.pods[frozen].set_health(Health::Running);
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.pods.remove(frozen).kill();
    }

    async fn two_owners(&mut self) {
        self.world.count("fault: two owners at once");
        self.start_pod();
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(200..2_500))).await;
        self.pods.remove(0).kill();
    }

    async fn leave_and_return(&mut self) {
        self.world.count("planned: a pod leaves and another comes");
        if let Some(pod) = self.pods.pop() {
            pod.leave().await;
        }
        if self.pods.is_empty() {
            self.start_pod();
        }
    }

    async fn slow_down(&mut self) {
        self.world.count("fault: a pod is slow");
        let factor = self.rng.random_range(10..60);
        self.pods.iter().for_each(|pod| pod.set_slowness(factor));
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(500..4_000))).await;
        self.pods.iter().for_each(|pod| pod.set_slowness(1));
    }

    fn jump_clock(&mut self) {
        self.world.count("fault: a pod's clock jumps");
        let skew = self.rng.random_range(-1_500_000..1_500_000);
        if let Some(pod) = self.pods.last() {
            pod.set_skew(skew);
        }
    }

    // === stores ===

    async fn store_away(&mut self) {
        self.world.lock().store_away = true;
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(500..4_000))).await;
        self.world.lock().store_away = false;
    }

    fn flush_store(&mut self) {
        self.world.count("fault: the store is emptied");
        self.world.lock().store.clear();
    }

    fn roll_back_store(&mut self) {
        let now = self.world.lock().store.clone();
        if let Some(backup) = self.backup.replace(now) {
            let mut outside = self.world.lock();
            outside.count("fault: the store goes back in time");
            outside.store = backup;
            outside.life += 1;
            // What is being built loses what it was filled with last.
            for staged in outside.staged.values_mut().filter(|staged| staged.fills > 0) {
                staged.fills -= 1;
                staged.shelf.entities = std::mem::take(&mut staged.before);
            }
        }
    }

    /// What is on the way to the server is lost as well.
    pub fn lose_out(&mut self) {
        let (count, which) = (self.rng.random_range(1..12), self.rng.random_range(0..3));
        let mut outside = self.world.lock();
        if which != 0 && !outside.out.lose_tail(count).is_empty() {
            outside.count("fault: EARMARK_OUT loses its tail");
        }
        if which != 1 && !outside.availability.lose_tail(count).is_empty() {
            outside.count("fault: EARMARK_AVAILABILITY loses its tail");
        }
    }

    /// Now and then it loses much, and soon after whoever has noticed that is gone.
    async fn lose_input(&mut self) {
        let much = self.rng.random_bool(0.4);
        let count = if much { 20..60 } else { 1..6 };
        let count = self.rng.random_range(count);
        {
            let mut outside = self.world.lock();
            let lost = outside.input.lose_tail(count);
            outside.lost(lost);
            outside.count("fault: EARMARK_IN loses its tail");
        }
        if much {
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(150..600))).await;
            self.crash().await;
        }
    }

    /// A few messages in the middle are gone, and those around them are there.
    fn lose_input_block(&mut self) {
        let (count, back) = (self.rng.random_range(1..10), self.rng.random_range(0..30));
        let mut outside = self.world.lock();
        let lost = outside.input.lose_block(count, back);
        if !lost.is_empty() {
            outside.count("fault: EARMARK_IN loses a block");
            outside.lost(lost);
        }
    }

    /// Somebody deletes the stream, and makes it anew.
    fn empty_input(&mut self) {
        if self.rng.random_bool(0.5) {
            return;
        }
        let now = self.world.now();
        let mut outside = self.world.lock();
        let lost = outside.input.begin_anew(now);
        outside.count("fault: EARMARK_IN is made anew");
        outside.lost(lost);
    }

    /// Who was frozen over it sends what it had not heard of, long after others have gone on.
    pub fn say_again(&mut self) {
        let subject = format!("earmark.cmd.{}", self.rng.random_range(0..PARTITIONS));
        let now = self.world.now();
        let frozen = now.0 - self.rng.random_range(0..REMEMBERED_MICROS);
        let mut outside = self.world.lock();
        let commands = &outside.commands;
        let heard = commands.purged.values().chain(commands.messages.values());
        let all = heard.chain(&outside.unsaid);
        let own = all.filter(|stored| stored.subject == subject);
        let unheard = own.filter(|stored| (frozen - UNHEARD_MICROS..frozen).contains(&stored.at.0));
        let mut again: Vec<Stored> = unheard.cloned().collect();
        again.sort_by_key(|stored| stored.at);
        for Stored { subject, id, payload, .. } in again {
            if !outside.is_full_of_commands() && !outside.says_too_much(&subject) {
                outside.commands.append_again(now, &subject, id, payload);
                outside.count("fault: an old command comes again");
            }
        }
    }

    /// Now and then what was lost comes after all, from somebody who was frozen over it.
    async fn lose_commands(&mut self) {
        let (count, late) = (self.rng.random_range(1..6), self.rng.random_bool(0.5));
        let lost = {
            let mut outside = self.world.lock();
            let lost = outside.commands.lose_tail(count);
            outside.unheard.extend(lost.iter().flat_map(asked_by));
            outside.count("fault: EARMARK_CMD loses its tail");
            lost
        };
        if !late {
            return;
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(200..2_000))).await;
        let now = self.world.now();
        let mut outside = self.world.lock();
        for Stored { subject, id, payload, .. } in lost.into_iter().rev() {
            if !outside.is_full_of_commands() && !outside.says_too_much(&subject) {
                outside.commands.append_again(now, &subject, id, payload);
                outside.count("fault: a lost command comes late");
            }
        }
    }

    /// The journal loses records that others know to be committed, of at least one partition and
    /// of none that could not know.
    fn cut_journal(&mut self) {
        let now = self.world.now();
        let mut outside = self.world.lock();
        // A second owner may know of a record whose own owner is not yet certain of it.
        if !outside.cut.is_empty() || self.pods.len() > 1 {
            return;
        }
        outside.trouble = 0;
        for count in 1..8 {
            if outside.cut_journal(now, count) {
                return outside.count("fault: the journal loses its tail");
            }
        }
    }

    fn change_trouble(&mut self) {
        let trouble = [0, 5, 20, 60][self.rng.random_range(0..4)];
        self.world.lock().trouble = trouble;
    }

    // === the end ===

    pub fn heal(&mut self) {
        self.world.lock().trouble = 0;
        self.world.lock().store_away = false;
        while self.pods.len() > 1 {
            self.pods.remove(0).kill();
        }
        self.replace_the_dead();
    }

    pub async fn close(&mut self) {
        for pod in self.pods.drain(..) {
            pod.leave().await;
        }
    }
}

/// The orders that ask for their holds in a message.
fn asked_by(stored: &Stored) -> Vec<EntityKey> {
    let group = CommandGroup::decode(&stored.payload).expect("only pods write commands");
    let commands = group.commands.into_iter().map(|carried| carried.command);
    let asks = commands
        .filter(|command| matches!(command.body, CommandBody::Ask(SkuCommand::Reserve { .. })));
    asks.map(|command| command.from).collect()
}
