//! What operators may order, as it is asked for, as it stands and as it is answered: without IO and
//! without a clock.
//!
//! Promises: what cannot be understood, or is out of range, is refused with a reason code, the
//! field, what was found and what was expected. Every order ends by itself.

pub mod announcing;
pub mod answer;
mod fields;
pub mod late;
pub mod order;
pub mod promotion;
pub mod request;
pub mod word;

pub use announcing::{PromotionAnswer, PromotionBounds, PromotionRequest};
pub use answer::{Allowed, Answer, Changed, Refused, Status};
pub use late::{AllowStale, Late};
pub use order::{Order, Orders, Paused, What};
pub use promotion::{Outlook, Promoted, Promotion};
pub use request::{Bounds, Change, Drain, Request, Who};
pub use word::Word;
