//! Safe mode: what is put off while there is more to do than can be done, by what it means for the
//! business. What frees stock or finishes a promise is put off at no level.

use serde::{Deserialize, Serialize};

/// A level of safe mode. Each puts off what the one before does, and more.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u8", into = "u8")]
pub enum Level {
    /// Nothing is put off.
    #[default]
    Normal,
    /// Reporting waits in the log.
    ReportingWaits,
    /// Fulfilment gets what settlement and demand leave; who wants a cart's hold and waits for the
    /// answer is told `busy`.
    CartsBusy,
    /// Who places an order and waits for the answer is told `busy` too.
    OrdersBusy,
}

impl Level {
    /// All of them, the lowest first.
    pub const ALL: [Level; 4] =
        [Level::Normal, Level::ReportingWaits, Level::CartsBusy, Level::OrdersBusy];

    /// Its number, 0 to 3.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// What it means for the shop, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Level::Normal => "nothing is put off",
            Level::ReportingWaits => "reporting waits",
            Level::CartsBusy => "reporting waits, fulfilment comes last, new carts are told busy",
            Level::OrdersBusy => {
                "reporting waits, fulfilment comes last, new carts and orders are told busy"
            }
        }
    }
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(number: u8) -> Result<Level, String> {
        let level = Level::ALL.get(usize::from(number)).copied();
        level.ok_or_else(|| format!("{number} is no level of safe mode: 0 to 3"))
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> u8 {
        level.number()
    }
}
