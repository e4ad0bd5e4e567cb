//! How long most events wait beside others that are trouble, and how long without these: runs of
//! each in turn, and their medians.

use std::time::Duration;

use comfy_table::Table;
use serde_json::json;

use crate::{
    C, CAP, archived,
    harness::{RedisConfig, free_port, wait_until},
    milliseconds,
    poison::{poison, publish},
    rush::{Kind, Mix, Rush, Sent, Whose, percentile},
    world::World,
};

/// Good events in a second: less than a pod can decide, of every lane.
const MIX: Mix = [500, 500, 67, 300, 300];
/// So many good ones for a bad one.
const GOOD_FOR_A_BAD: u64 = 100;
/// Runs of each.
const RUNS: u32 = 3;
const SKUS: usize = 400;
/// How long it may take until all dead letters are there.
const LETTERS_WITHIN: Duration = Duration::from_secs(60);

/// What is trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A SKU that nineteen of twenty carts are for. The pod may decide C in a second, and is asked
    /// for C. Without it: the others' carts alone, and as many carts as with it, evenly spread.
    HotSku,
    /// The same with a third of that.
    HotSkuAtAThird,
    /// One event in a hundred that nobody can take. In the runs with them there are 100,000 good ones
    /// and 1,000 bad ones of ten kinds in all, if they last for a minute.
    Poison,
}

impl Trouble {
    pub const ALL: [Trouble; 3] = [Trouble::HotSku, Trouble::HotSkuAtAThird, Trouble::Poison];

    /// By what it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Trouble::HotSku => "hot-sku",
            Trouble::HotSkuAtAThird => "hot-sku-at-a-third",
            Trouble::Poison => "poison",
        }
    }

    /// What is played: with it last.
    fn rows(self) -> &'static [&'static str] {
        match self {
            Trouble::HotSku => &[
                "the others of it alone",
                "C of demand, each SKU in turn",
                "C of demand, 95 % for one SKU",
            ],
            Trouble::HotSkuAtAThird => &[
                "the others of it alone",
                "C/3 of demand, each SKU in turn",
                "C/3 of demand, 95 % for one SKU",
            ],
            Trouble::Poison => {
                &["1,667 good events a second", "the same, and 1 % that nobody can take"]
            }
        }
    }

    /// Whether it is one of those that should not notice.
    fn is_counted(self, sent: &Sent) -> bool {
        self == Trouble::Poison || sent.sku != 0
    }

    /// One run of a row, in a world of its own.
    async fn play(self, row: usize, time: Duration) -> Vec<Sent> {
        let mut world = World::start_with(&[], RedisConfig::default()).await;
        let port = free_port();
        let listen = format!("127.0.0.1:{port}");
        let held_back = match self {
            Trouble::HotSku | Trouble::HotSkuAtAThird => {
                ("EARMARK__ENGINE__MAX_DECISIONS_PER_S", CAP)
            }
            Trouble::Poison => ("EARMARK__SAFE_MODE__AUTOMATIC", "false"),
        };
        world.run("one", &[("EARMARK__HTTP__LISTEN", &listen), held_back]);
        world.shared_by(&["one"]).await;
        let context = world.nats.jetstream().await;
        let rush = Rush::start(context.clone(), SKUS, 1_000_000).await;
        archived(port).await;
        match (self, row) {
            (Trouble::Poison, 0) => rush.play(MIX, Whose::Everybodys, time).await,
            (Trouble::HotSku, row) => demand(&rush, C, row, time).await,
            (Trouble::HotSkuAtAThird, row) => demand(&rush, C / 3, row, time).await,
            (Trouble::Poison, _) => {
                let number = MIX.iter().sum::<u64>() * time.as_secs() / GOOD_FOR_A_BAD;
                let bad = poison(usize::try_from(number).expect("not so many"), SKUS);
                tokio::join!(
                    publish(&context, &bad, time),
                    rush.play(MIX, Whose::Everybodys, time)
                );
                wait_until("each has its letter", LETTERS_WITHIN, async || {
                    let listed = world.earmark(&["dlq", "ls", "--json"]).await.with(0).json();
                    listed["events"] == json!(bad.len())
                })
                .await;
            }
        }
        rush.all_is_well().await
    }

    /// Plays, and adds its rows.
    pub async fn add_rows(self, table: &mut Table, time: Duration) {
        let mut runs = vec![Vec::new(); self.rows().len()];
        for _ in 0..RUNS {
            for (row, runs) in runs.iter_mut().enumerate() {
                println!("{} ...", self.rows()[row]);
                runs.push(self.play(row, time / RUNS).await);
            }
        }
        let all = |runs| median(runs, |sent| self.is_counted(sent)).unwrap_or_default();
        let with = all(&runs[runs.len() - 1]);
        println!("p99 of all that is answered, median of {RUNS} runs each:");
        for (name, runs) in self.rows().iter().zip(&runs) {
            let p99 = |kind: Kind| {
                let counted = |sent: &Sent| sent.kind == kind && self.is_counted(sent);
                median(runs, counted).map(milliseconds).unwrap_or_default()
            };
            let [settlement, orders, carts] = [Kind::Settlement, Kind::Order, Kind::Cart].map(p99);
            table.add_row([*name, "-", "-", "-", &settlement, &orders, &carts, "-", "-"]);
            let of = all(runs);
            let times = with.as_secs_f64() / of.as_secs_f64();
            println!("{name}: {}; with the trouble {times:.2} times that", milliseconds(of));
        }
    }
}

/// Carts: one in twenty of so many a second; all of them; all of them, the others for one SKU.
async fn demand(rush: &Rush, number: u64, row: usize, time: Duration) {
    let (number, whose) = match row {
        0 => (number / 20, Whose::Everybodys),
        1 => (number, Whose::Everybodys),
        _ => (number, Whose::TheFirst),
    };
    rush.play([0, number, 0, 0, 0], whose, time).await;
}

/// The median of the runs' p99.
fn median(runs: &[Vec<Sent>], is_counted: impl Fn(&Sent) -> bool) -> Option<Duration> {
    let p99 = runs.iter().filter_map(|sent| percentile(sent, 99, &is_counted));
    let mut p99: Vec<Duration> = p99.collect();
    p99.sort_unstable();
    p99.get(p99.len() / 2).copied()
}
