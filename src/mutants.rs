//! Bugs that are put in on purpose, one at a time, so that whatever promises to find such bugs can
//! be held to it.
//!
//! Promises: without the cargo feature `mutants`, which no release has, every question is answered
//! `false` when the code is compiled, and nothing of them is left. With it, EARMARK_MUTANT names
//! the one that is in; the process asks its environment once.

/// A bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A SKU does not recognise an event that it has decided.
    DedupeOff,
    /// Now and then a record is taken for committed that was never appended.
    CommitSkipped,
    /// No deadline is ever given to anybody.
    ExpiryIgnored,
    /// A SKU says that it let go of an order's hold, and keeps it.
    ReleaseLost,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 4] =
        [Mutant::DedupeOff, Mutant::CommitSkipped, Mutant::ExpiryIgnored, Mutant::ReleaseLost];

    /// Its name, as EARMARK_MUTANT has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mutant::DedupeOff => "dedupe-off",
            Mutant::CommitSkipped => "commit-skipped",
            Mutant::ExpiryIgnored => "expiry-ignored",
            Mutant::ReleaseLost => "release-lost",
        }
    }
}

/// Whether this bug is in.
#[cfg(not(feature = "mutants"))]
pub const fn is_in(_: Mutant) -> bool {
    false
}

/// Whether this bug is in.
#[cfg(feature = "mutants")]
pub fn is_in(mutant: Mutant) -> bool {
    static NAMED: std::sync::LazyLock<Option<Mutant>> = std::sync::LazyLock::new(|| {
        let named = std::env::var("EARMARK_MUTANT").ok()?;
        Mutant::ALL.into_iter().find(|mutant| mutant.as_str() == named)
    });
    *NAMED == Some(mutant)
}
