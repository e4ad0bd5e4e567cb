//! actix 0.13: what its mailboxes, its supervisor and its asynchronous handlers do not promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use actix::dev::SendError;
use actix::prelude::*;
use tokio::sync::Semaphore;

/// Runs on an actix system of its own: one thread, one arbiter.
fn on_a_system<F: Future>(test: F) -> F::Output {
    System::new().block_on(test)
}

/// Counts what it is told, and how often it was started and restarted.
#[derive(Default)]
struct Counter {
    count: u32,
    starts: Arc<AtomicUsize>,
    restarts: Arc<AtomicUsize>,
}

impl Actor for Counter {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.starts.fetch_add(1, Ordering::Relaxed);
    }
}

impl Supervised for Counter {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Message)]
#[rtype(result = "u32")]
struct Increment;

impl Handler<Increment> for Counter {
    type Result = u32;

    fn handle(&mut self, _: Increment, _: &mut Self::Context) -> u32 {
        self.count += 1;
        self.count
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for Counter {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("a bug in one entity's code");
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Stop;

impl Handler<Stop> for Counter {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

/// Changes the state, panics half way, and catches it, all inside a synchronous handler.
#[derive(Message)]
#[rtype(result = "bool")]
struct PanicCaught;

impl Handler<PanicCaught> for Counter {
    type Result = bool;

    fn handle(&mut self, _: PanicCaught, _: &mut Self::Context) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.count += 100;
            panic!("a bug, after half of the change");
        }));
        outcome.is_err()
    }
}

#[test]
fn a_supervisor_does_not_bring_an_actor_back_after_a_panic() {
    on_a_system(async {
        // A supervised actor runs on an arbiter of its own, beside a neighbour.
        let arbiter = Arbiter::new();
        let restarts = Arc::<AtomicUsize>::default();
        let seen = restarts.clone();
        let supervised = Supervisor::start_in_arbiter(&arbiter.handle(), move |_| Counter {
            restarts: seen,
            ..Counter::default()
        });
        let neighbour = Counter::start_in_arbiter(&arbiter.handle(), |_| Counter::default());
        assert_eq!(supervised.send(Increment).await.unwrap(), 1);
        assert_eq!(neighbour.send(Increment).await.unwrap(), 1);

        assert!(matches!(supervised.send(Panic).await, Err(MailboxError::Closed)));

        assert!(matches!(supervised.send(Increment).await, Err(MailboxError::Closed)));
        assert!(!supervised.connected());
        assert_eq!(restarts.load(Ordering::Relaxed), 0);
        assert_eq!(neighbour.send(Increment).await.unwrap(), 2, "others on the arbiter live on");
    });
}

#[test]
fn after_stop_a_supervisor_brings_the_same_struct_back_with_its_old_state() {
    on_a_system(async {
        let counter = Counter::default();
        let (starts, restarts) = (counter.starts.clone(), counter.restarts.clone());
        let supervised = Supervisor::start(|_| counter);
        assert_eq!(supervised.send(Increment).await.unwrap(), 1);
        supervised.send(Stop).await.unwrap();
        assert_eq!(supervised.send(Increment).await.unwrap(), 2, "not rebuilt: the count went on");
        assert_eq!(restarts.load(Ordering::Relaxed), 1);
        assert_eq!(starts.load(Ordering::Relaxed), 2);
    });
}

#[test]
fn a_panic_caught_inside_a_synchronous_handler_leaves_the_actor_alive_and_half_changed() {
    on_a_system(async {
        let address = Counter::default().start();
        assert_eq!(address.send(Increment).await.unwrap(), 1);
        assert!(address.send(PanicCaught).await.unwrap());
        // Alive, but the change was not undone: the entity has to be rebuilt.
        assert_eq!(address.send(Increment).await.unwrap(), 102);
    });
}

const MAILBOX_DEFAULT: u32 = 16;

#[test]
fn a_mailbox_holds_sixteen_and_do_send_ignores_that() {
    on_a_system(async {
        let address = Counter::default().start();
        // Nothing is handled before this task yields, so what is accepted is the mailbox's size.
        let mut accepted = 0;
        let refused = loop {
            match address.try_send(Increment) {
                Ok(()) => accepted += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(accepted, MAILBOX_DEFAULT);
        assert!(matches!(refused, SendError::Full(Increment)), "a refusal hands the message back");

        const FLOOD: u32 = 1_000;
        for _ in 0..FLOOD {
            #[expect(clippy::disallowed_methods, reason = "this test shows why it is banned")]
            address.do_send(Increment);
        }
        assert_eq!(address.send(Increment).await.unwrap(), MAILBOX_DEFAULT + FLOOD + 1);
    });
}

#[test]
fn do_send_to_a_dead_actor_is_silent() {
    on_a_system(async {
        let address = Counter::default().start();
        address.send(Stop).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "this test shows why it is banned")]
        address.do_send(Increment);
        assert!(matches!(address.try_send(Increment), Err(SendError::Closed(_))));
    });
}

/// One unit of stock, sold by check and change.
struct Stock {
    left: Arc<AtomicI64>,
    /// What the handler awaits between check and change, as it would a store.
    store: Arc<Semaphore>,
    /// How many handlers wait for the store.
    waiting: Arc<AtomicUsize>,
}

impl Actor for Stock {
    type Context = Context<Self>;
}

#[derive(Message)]
#[rtype(result = "bool")]
struct SellAwaiting;

impl Handler<SellAwaiting> for Stock {
    type Result = ResponseActFuture<Self, bool>;

    fn handle(&mut self, _: SellAwaiting, _: &mut Self::Context) -> Self::Result {
        let enough = self.left.load(Ordering::Relaxed) > 0;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let store = self.store.clone();
        let answered = async move { store.acquire_owned().await.is_ok() };
        Box::pin(answered.into_actor(self).map(move |_, stock, _| {
            if enough {
                stock.left.fetch_sub(1, Ordering::Relaxed);
            }
            enough
        }))
    }
}

#[derive(Message)]
#[rtype(result = "bool")]
struct Sell;

impl Handler<Sell> for Stock {
    type Result = bool;

    fn handle(&mut self, _: Sell, _: &mut Self::Context) -> bool {
        let enough = self.left.load(Ordering::Relaxed) > 0;
        if enough {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        enough
    }
}

fn stock_of_one() -> Stock {
    Stock {
        left: Arc::new(AtomicI64::new(1)),
        store: Arc::new(Semaphore::new(0)),
        waiting: Arc::default(),
    }
}

const BUYERS: usize = 10;

#[test]
fn an_asynchronous_handler_lets_others_in_between_check_and_change() {
    on_a_system(async {
        let stock = stock_of_one();
        let (left, store, waiting) =
            (stock.left.clone(), stock.store.clone(), stock.waiting.clone());
        let address = stock.start();
        let sales: Vec<_> =
            (0..BUYERS).map(|_| tokio::task::spawn_local(address.send(SellAwaiting))).collect();
        while waiting.load(Ordering::Relaxed) < BUYERS {
            tokio::task::yield_now().await;
        }
        store.add_permits(BUYERS);
        for sale in sales {
            assert!(sale.await.unwrap().unwrap(), "every buyer was promised the one unit");
        }
        assert_eq!(left.load(Ordering::Relaxed), 1 - BUYERS as i64);
    });
}

#[test]
fn a_synchronous_handler_sells_one_unit_once() {
    on_a_system(async {
        let stock = stock_of_one();
        let left = stock.left.clone();
        let address = stock.start();
        let sales = futures::future::join_all((0..BUYERS).map(|_| address.send(Sell))).await;
        assert_eq!(sales.into_iter().filter(|sold| *sold.as_ref().unwrap()).count(), 1);
        assert_eq!(left.load(Ordering::Relaxed), 0);
    });
}
