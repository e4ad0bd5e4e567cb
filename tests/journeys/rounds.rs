//! The life of a shop, round by round: who speaks, what comes, how time passes.

use earmark::domain::{
    event::{CancelRequested, OrderEvent, SkuEvent},
    policy::{Policy, ServeFrom},
    time::Span,
};

use crate::{
    ORDERS_A_SHOP,
    engine::{Done, Told, World},
    luck::Luck,
    words::{Names, Said},
};

/// What happens in a round.
#[derive(Clone, Copy, Debug)]
enum Round {
    Deliver,
    Order,
    Sku,
    Repeat,
    Conflict,
    Seconds,
    Minutes,
    Outage,
}

const ROUNDS: &[(u32, Round)] = &[
    (270, Round::Deliver),
    (180, Round::Order),
    (54, Round::Sku),
    (21, Round::Repeat),
    (6, Round::Conflict),
    (60, Round::Seconds),
    (9, Round::Minutes),
    (1, Round::Outage),
];

/// Rounds for each order of a shop, until it comes to rest for the first time: most shops have a
/// quiet day, and some a long one in which everything happens at once.
const ROUNDS_AN_ORDER: &[(u32, usize)] = &[(85, 5), (10, 16), (5, 40)];

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The policy of a shop: mostly the one that is shipped, now and then a narrow one.
pub fn policy(luck: &mut Luck, names: &Names) -> Policy {
    let mut policy = Policy {
        location_order: vec![names.locations[2].clone(), names.locations[0].clone()],
        ..Policy::default()
    };
    policy.serve_from = luck.weighted(&[
        (75, ServeFrom::MostStock),
        (15, ServeFrom::FixedOrder),
        (10, ServeFrom::RequestedOnly),
    ]);
    let mut narrow = |percent: u64, bound: &mut usize, to: usize| {
        if luck.percent(percent) {
            *bound = to;
        }
    };
    narrow(8, &mut policy.parked_max, 1);
    narrow(3, &mut policy.ids_per_sku_max, 6);
    narrow(3, &mut policy.events_per_order_max, 12);
    narrow(8, &mut policy.locations_per_sku_max, 2);
    narrow(15, &mut policy.holds_per_step_max, 1);
    narrow(10, &mut policy.shortfall_named_max, 1);
    policy
}

impl World {
    /// Plays the shop from its first day to its last.
    pub fn play(&mut self) -> Done {
        let rounds = ORDERS_A_SHOP * self.luck.weighted(ROUNDS_AN_ORDER);
        self.stock_up()?;
        for _ in 0..rounds {
            self.round()?;
        }
        self.come_to_rest()?;
        for _ in 0..rounds / 4 {
            self.round()?;
        }
        self.come_to_rest()?;
        if self.luck.percent(15) {
            self.grow_old()?;
        }
        Ok(())
    }

    /// Days pass; orders are closed, and forgotten; and somebody speaks to them all the same.
    fn grow_old(&mut self) -> Done {
        for days in [i64::from(self.luck.units(1, 3)), 31, 8] {
            self.pass(Span::from_secs(days * DAY), true)?;
            self.check_rest()?;
            for _ in 0..ORDERS_A_SHOP {
                self.say_to_an_order()?;
                self.say_again()?;
            }
            self.come_to_rest()?;
        }
        if self.luck.percent(10) {
            self.pass(Span::from_secs(402 * DAY), true)?;
            self.say_again()?;
            self.come_to_rest()?;
        }
        Ok(())
    }

    /// Everything that was asked is answered, and whatever was late comes.
    fn come_to_rest(&mut self) -> Done {
        self.empty_mail()?;
        self.pass(Span::from_secs(HOUR + HOUR / 2), true)?;
        self.check_rest()
    }

    fn round(&mut self) -> Done {
        match self.luck.weighted(ROUNDS) {
            Round::Deliver => self.deliver(),
            Round::Order => self.say_to_an_order(),
            Round::Sku => self.say_of_a_sku(),
            Round::Repeat => self.say_again(),
            Round::Conflict => self.use_an_id_twice(),
            Round::Seconds => {
                let seconds = i64::from(self.luck.units(0, 20));
                self.now = self.now + Span::from_secs(seconds);
                if self.luck.percent(70) { self.ring() } else { Ok(()) }
            }
            Round::Minutes => {
                let minutes = i64::from(self.luck.one(&[1, 5, 16, 61, 600]));
                self.pass(Span::from_secs(minutes * 60), true)
            }
            Round::Outage => {
                let seconds = i64::from(self.luck.units(60, 800));
                self.pass(Span::from_secs(seconds), false)
            }
        }
    }

    fn say_again(&mut self) -> Done {
        let recent = self.told.len().min(20);
        let back = if self.luck.percent(60) { recent } else { self.told.len() };
        let number = self.told.len() - 1 - self.luck.below(back);
        self.repeat(number)
    }

    /// An id that is remembered for certain is used for something else.
    fn use_an_id_twice(&mut self) -> Done {
        let number = self.luck.below(self.told.len());
        let Told { said, cause, first } = &self.told[number];
        let young = self.now - cause.time < Span::from_secs(20 * HOUR);
        let forgetful = self.policy.ids_per_sku_max < 1_000;
        if first.is_none() || !young || forgetful {
            return Ok(());
        }
        let other = match said {
            Said::Sku(at, _) => Said::Sku(*at, SkuEvent::SkuRetired),
            Said::Order(at, _) => {
                let (reason, lines) = ("another".to_owned(), None);
                Said::Order(*at, OrderEvent::CancelRequested(CancelRequested { reason, lines }))
            }
        };
        self.conflict(number, other)
    }
}
