//! Bugs that are put in on purpose, one at a time, so that whatever promises to find such bugs can
//! be held to it.
//!
//! Promises: without the cargo feature `mutants`, which no release has, every question is answered
//! `false` when the code is compiled, and nothing of them is left. With it, EARMARK_MUTANT names
//! the one that is in; the process asks its environment once.

use crate::domain::described::described;

described! {
    /// A bug, as somebody who is tired may make it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Mutant {
        // === committing ===
        /// Now and then a record is taken for committed that was never appended.
        CommitSkipped = "commit-skipped",
        /// Effects leave while their record is still being appended.
        EffectBeforeCommit = "effect-before-commit",
        /// An owner that was superseded appends behind whoever did that: its lease has not ended.
        FencedOwnerGoesOn = "fenced-owner-goes-on",
        /// What is decided while an append is in doubt joins the batch that is tried again.
        RetryMerged = "retry-merged",
        /// A batch may have an earlier time than the one before.
        TimeGoesBack = "time-goes-back",
        /// What a command changed is answered, and not written down.
        CommandNotJournaled = "command-not-journaled",

        // === reading ===
        /// One lane's cursor is not saved.
        CursorNotSaved = "cursor-not-saved",
        /// What waits for its entity is decided with the newest first.
        WaitingReversed = "waiting-reversed",
        /// An entity whose code failed goes on deciding.
        QuarantineIgnored = "quarantine-ignored",
        /// A message that the process dies of is read again each time.
        KillerKept = "killer-kept",

        // === effects ===
        /// Messages leave with the newest first.
        EffectsReversed = "effects-reversed",
        /// Effects count as having left as soon as their record is committed.
        MarkAhead = "mark-ahead",
        /// Recovery sends effects again without looking for them in EARMARK_OUT.
        OutNotSearched = "out-not-searched",
        /// Nobody looks whether EARMARK_OUT still has what it acknowledged.
        OutLossUnnoticed = "out-loss-unnoticed",
        /// A dead letter that is not acknowledged is not sent again.
        LetterLost = "letter-lost",
        /// Availability is shown whatever is shown already.
        AvailabilityUnordered = "availability-unordered",
        /// Availability that was found to be newer is forgotten, but for its place.
        NewerForgotten = "newer-forgotten",
        /// Questions are answered from what is not committed yet.
        AnsweredAhead = "answered-ahead",

        // === snapshots and recovery ===
        /// A delta is written onto whatever snapshot is there.
        DeltaOnAnything = "delta-on-anything",
        /// What is cold is loaded from whatever snapshot is there.
        LoadFromAnything = "load-from-anything",
        /// A snapshot is written before the journal has what it says.
        SnapshotAhead = "snapshot-ahead",
        /// An entity is let go whose changes are gathered and not written yet.
        PassivatedEarly = "passivated-early",
        /// Deadlines of entities that are not live are not looked for.
        ColdDeadlinesIgnored = "cold-deadlines-ignored",
        /// A SKU that is loaded does not know which events it has decided.
        IdsNotLoaded = "ids-not-loaded",
        /// No snapshot has the events that wait for their hold.
        ParkedNotKept = "parked-not-kept",
        /// A journal that ends before what is known to be committed is gone on with.
        TailLossUnnoticed = "tail-loss-unnoticed",

        // === deciding ===
        /// A SKU does not recognise an event that it has decided.
        DedupeOff = "dedupe-off",
        /// A repeat is told that it is accepted, whatever was said first.
        FirstAnswerForgotten = "first-answer-forgotten",
        /// An event is remembered by its id's fingerprint, and not its content's.
        WrongFingerprint = "wrong-fingerprint",
        /// No deadline is ever given to anybody.
        ExpiryIgnored = "expiry-ignored",
        /// A deadline counts once its timer has come, and not by when an event was logged.
        DeadlineByTimer = "deadline-by-timer",
        /// Timers go by the pod's clock, and not by how far the logs have been read.
        DeadlineByPodClock = "deadline-by-pod-clock",
        /// A SKU says that it let go of an order's hold, and keeps it.
        ReleaseLost = "release-lost",
        /// A hold that is let go before it was asked for may be asked for later.
        ReleaseNotBurnt = "release-not-burnt",
        /// A shipment that an order tells twice leaves twice.
        ShipmentTwice = "shipment-twice",
        /// One unit more is promised beyond stock than the SKU allows.
        OneTooMany = "one-too-many",
        /// A count takes what moved since for what it has seen.
        CountNetsNothing = "count-nets-nothing",
        /// An order asks once, and does not repeat what is not answered.
        AskedOnce = "asked-once",
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
    use crate::domain::described::Described;

    static NAMED: std::sync::LazyLock<Option<Mutant>> = std::sync::LazyLock::new(|| {
        let named = std::env::var("EARMARK_MUTANT").ok()?;
        Mutant::ALL.iter().copied().find(|mutant| mutant.name() == named)
    });
    *NAMED == Some(mutant)
}
