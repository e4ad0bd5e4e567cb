//! Why something was refused: the reason codes, written once, for every boundary.

use serde::{Deserialize, Serialize};

use super::{described::doc_text, ids::Name};

macro_rules! reasons {
    ($($(#[$($doc:tt)+])+ $reason:ident = $code:literal,)*) => {
        /// A reason code. The text form is stable: dashboards and runbooks name it.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$($doc)+])+ $reason,)* }

        impl Reason {
            /// Every reason there is.
            pub const ALL: &'static [Reason] = &[$(Reason::$reason,)*];

            /// The code as people and machines read it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$reason => $code,)* }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                let text = match self { $(Reason::$reason => doc_text!($(#[$($doc)+])+),)* };
                text.trim_start()
            }
        }
    };
}

reasons! {
    // What the bytes are (the contract).
    /// The bytes are not JSON.
    MalformedJson = "malformed_json",
    /// A required field is not there.
    MissingField = "missing_field",
    /// A field has the wrong type, an unknown value, or is out of range.
    InvalidField = "invalid_field",
    /// No such event type.
    UnknownType = "unknown_type",
    /// The type is known, its version is not.
    UnsupportedVersion = "unsupported_version",
    /// The type travels by another lane.
    WrongLane = "wrong_lane",
    /// The event's key does not belong to the subject it came by.
    Misrouted = "misrouted",
    /// The answer would go to a subject that nobody may name.
    InvalidReplyto = "invalid_replyto",
    /// More bytes, or more lines, than the limit.
    TooLarge = "too_large",
    /// `time` is further ahead than clocks may differ.
    TimeInFuture = "time_in_future",

    // When it is read (the gate before every decision).
    /// `time` is older than the horizon within which repeats are recognised.
    Stale = "stale",
    /// `expirytime` has passed.
    TooLate = "too_late",
    /// Not now: safe mode.
    Busy = "busy",
    /// The same id was used for another content.
    IdConflict = "id_conflict",
    /// What it names never came.
    Orphan = "orphan",
    /// Its entity is quarantined and its queue is full.
    Quarantined = "quarantined",
    /// The process died each time that it was in hand.
    Killer = "killer",

    // What a SKU refuses.
    /// Not enough units.
    InsufficientStock = "insufficient_stock",
    /// The SKU is not for sale.
    NotSellable = "not_sellable",
    /// A hold of this name exists and is another.
    HoldExists = "hold_exists",
    /// The hold has passed its deadline.
    HoldExpired = "hold_expired",
    /// The hold has ended: released, transferred or shipped.
    HoldEnded = "hold_ended",
    /// The hold is an allocation already.
    HoldCommitted = "hold_committed",
    /// Somebody else owns it.
    NotOwner = "not_owner",
    /// More units than there are to ship or to move.
    ExceedsQuantity = "exceeds_quantity",

    // What an order refuses.
    /// An order of this key exists and is another.
    OrderExists = "order_exists",
    /// The order has ended.
    OrderEnded = "order_ended",
    /// No such line.
    UnknownLine = "unknown_line",
    /// The time to cancel is over.
    CancelWindowClosed = "cancel_window_closed",
    /// The units have left.
    AlreadyShipped = "already_shipped",
    /// Not before the order's deadline passed did the money come.
    PaymentTooLate = "payment_too_late",
    /// The SKU did not answer in time.
    Unanswered = "unanswered",
    /// This version decides no such event; it is kept for one that does.
    NotSupported = "not_supported",

    // What an order refuses too: new ones stand at the end, the journal counts them.
    /// The units have arrived: what comes back now is a return.
    AlreadyDelivered = "already_delivered",
    /// The fulfilment was cancelled.
    FulfilmentCancelled = "fulfilment_cancelled",
    /// The return was approved, or its goods have come.
    ReturnApproved = "return_approved",
    /// The return was declined.
    ReturnDeclined = "return_declined",
    /// A hold must name its location.
    LocationRequired = "location_required",
}

impl Reason {
    /// Is a refusal for this reason an entity's decision, remembered under the event's id?
    pub const fn is_remembered(self) -> bool {
        match self {
            Reason::MalformedJson
            | Reason::MissingField
            | Reason::InvalidField
            | Reason::UnknownType
            | Reason::UnsupportedVersion
            | Reason::WrongLane
            | Reason::Misrouted
            | Reason::InvalidReplyto
            | Reason::TooLarge
            | Reason::TimeInFuture
            | Reason::Stale
            | Reason::TooLate
            | Reason::Busy
            | Reason::IdConflict
            | Reason::Orphan
            | Reason::Quarantined
            | Reason::Killer
            | Reason::NotSupported => false,
            Reason::InsufficientStock
            | Reason::NotSellable
            | Reason::HoldExists
            | Reason::HoldExpired
            | Reason::HoldEnded
            | Reason::HoldCommitted
            | Reason::NotOwner
            | Reason::ExceedsQuantity
            | Reason::OrderExists
            | Reason::OrderEnded
            | Reason::UnknownLine
            | Reason::CancelWindowClosed
            | Reason::AlreadyShipped
            | Reason::AlreadyDelivered
            | Reason::FulfilmentCancelled
            | Reason::ReturnApproved
            | Reason::ReturnDeclined
            | Reason::LocationRequired
            | Reason::PaymentTooLate
            | Reason::Unanswered => true,
        }
    }

    /// Does a refusal for this reason keep the original bytes as a dead letter? What an entity
    /// decided, and what the requester itself gave up on, is answered and needs no hands.
    pub const fn is_dead_letter(self) -> bool {
        !self.is_remembered() && !matches!(self, Reason::TooLate | Reason::Busy)
    }

    /// Is a refusal for this reason an outcome for others than the requester? Who is told to come
    /// back has been refused nothing yet, and there are too many of them to tell everybody.
    pub const fn is_said_aloud(self) -> bool {
        !matches!(self, Reason::Busy)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entity's refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Units that could have been had, where units were the reason.
    pub available: Option<u32>,
    /// The line, payment or fulfilment that the reason is about, where it is about one.
    pub about: Option<Name>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Refusal {
        Refusal { reason, available: None, about: None }
    }
}
