//! Random journeys of whole orders, legal and illegal, through real SKUs and real orders: what must
//! hold is compared with models that know the documents and not the domain.
//!
//! `EARMARK_JOURNEYS` says which seeds are played (a number, or a range as in `300..400`), and
//! `EARMARK_JOURNEYS_ORDERS` how many orders each has. A failure names a seed and an order;
//! `EARMARK_JOURNEY=seed/order` plays that shop alone and prints all that happened in it.

mod checks;
mod coverage;
mod engine;
mod expect;
mod lines;
mod luck;
mod model;
mod rounds;
mod shelf;
mod shop;
mod stock;
mod warehouse;
mod words;

use std::{cell::RefCell, env, ops::Range, panic::AssertUnwindSafe, rc::Rc, thread, time::Instant};

use mimalloc::MiMalloc;

use crate::{coverage::Tally, engine::World, luck::Luck, words::Names};

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

/// Orders that share a shop.
pub const ORDERS_A_SHOP: usize = 4;
/// SKUs of a shop.
pub const SKUS: usize = 3;

const SEEDS: u64 = 200;
const ORDERS_A_SEED: u64 = 10_000;
const THREADS: u64 = 2;
/// Failures that a thread tells of.
const FAILURES_MAX: usize = 20;

#[test]
fn every_journey_ends_as_it_must() {
    if let Ok(one) = env::var("EARMARK_JOURNEY") {
        return tell(&one);
    }
    let (seeds, shops) = (seeds(), orders_a_seed().div_ceil(ORDERS_A_SHOP as u64));
    let begun = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let seeds = seeds.clone().filter(move |seed| seed % THREADS == thread);
            thread::spawn(move || play_seeds(seeds, shops))
        })
        .collect();
    let (mut tally, mut failures) = (Tally::default(), Vec::new());
    for thread in threads {
        let (theirs, failed) = thread.join().expect("a thread ends");
        tally.add(&theirs);
        failures.extend(failed);
    }
    report(&mut failures);
    let orders = (seeds.end - seeds.start) * shops * ORDERS_A_SHOP as u64;
    println!("{}", tally.text());
    println!("{orders} orders in {:.1} s", begun.elapsed().as_secs_f64());
    let complaints = tally.complaints();
    assert!(
        complaints.is_empty(),
        "never occurred, or should not have:\n{}",
        complaints.join("\n")
    );
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let (names, tally) = (Rc::new(Names::new()), Rc::new(RefCell::new(Tally::default())));
    for shop in 0..20 {
        let [one, other] = [(); 2].map(|()| {
            let mut story = Some(Vec::new());
            play(4_711, shop, &names, &tally, &mut story).expect("it ends as it must");
            story.expect("it is told")
        });
        assert!(one.len() > 20 && one == other, "shop {shop}");
    }
}

/// The seeds to play.
fn seeds() -> Range<u64> {
    let text = env::var("EARMARK_JOURNEYS").unwrap_or_else(|_| SEEDS.to_string());
    let number = |text: &str| text.parse().expect("EARMARK_JOURNEYS is a number, or a range");
    match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&text),
    }
}

fn orders_a_seed() -> u64 {
    let text = env::var("EARMARK_JOURNEYS_ORDERS");
    text.map_or(ORDERS_A_SEED, |text| text.parse().expect("EARMARK_JOURNEYS_ORDERS is a number"))
}

/// A shop in which something went wrong.
struct Failure {
    what: String,
    /// `seed/order`, which plays it again.
    place: String,
    story: Vec<String>,
}

/// Says every failure in a line, and the shortest of them in full.
fn report(failures: &mut [Failure]) {
    failures.sort_by_key(|failure| failure.story.len());
    let Some(Failure { place, story, .. }) = failures.first() else { return };
    let all = failures.iter().map(|Failure { what, place, .. }| format!("{place}: {what}"));
    let all = all.collect::<Vec<_>>().join("\n");
    panic!("{}\n\n{all}\nEARMARK_JOURNEY={place} plays it again", story.join("\n"));
}

fn play_seeds(seeds: impl Iterator<Item = u64>, shops: u64) -> (Tally, Vec<Failure>) {
    let (names, tally) = (Rc::new(Names::new()), Rc::new(RefCell::new(Tally::default())));
    let mut failures = Vec::new();
    for (seed, shop) in seeds.flat_map(|seed| (0..shops).map(move |shop| (seed, shop))) {
        if let Err(what) = play(seed, shop, &names, &tally, &mut None) {
            let mut story = Some(Vec::new());
            let _again = play(seed, shop, &names, &tally, &mut story);
            let place = format!("{seed}/{}", shop * ORDERS_A_SHOP as u64);
            failures.push(Failure { what, place, story: story.unwrap_or_default() });
        }
        if failures.len() >= FAILURES_MAX {
            break;
        }
    }
    (tally.take(), failures)
}

/// Plays one shop. A panic is a failure like any other.
fn play(
    seed: u64,
    shop: u64,
    names: &Rc<Names>,
    tally: &Rc<RefCell<Tally>>,
    story: &mut Option<Vec<String>>,
) -> Result<(), String> {
    let mut luck = Luck::of(seed, shop);
    let policy = rounds::policy(&mut luck, names);
    let mut world = World::new(luck, names.clone(), policy, tally.clone());
    world.story = story.take();
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| world.play()));
    *story = world.story.take();
    let played = played.unwrap_or_else(|_| Err("a panic".to_owned()));
    // What a panic left half done is nobody's any more.
    tally.try_borrow_mut().map_or(Err("a panic while counting".to_owned()), |_| played)
}

/// Plays the shop of one order, and tells all that happened in it.
fn tell(one: &str) {
    let parts = one.split_once('/').expect("EARMARK_JOURNEY is seed/order");
    let number = |text: &str| text.parse::<u64>().expect("EARMARK_JOURNEY is seed/order");
    let (seed, shop) = (number(parts.0), number(parts.1) / ORDERS_A_SHOP as u64);
    let (names, tally) = (Rc::new(Names::new()), Rc::new(RefCell::new(Tally::default())));
    let mut story = Some(Vec::new());
    let played = play(seed, shop, &names, &tally, &mut story);
    println!("{}", story.unwrap_or_default().join("\n"));
    played.unwrap_or_else(|what| panic!("{what}"));
}
