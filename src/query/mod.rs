//! Questions: what is known of a SKU or an order, as of when, and how sure.
//!
//! A [`question`] names a key. A [`clerk`] hands it to the partition's own [`desk`], where its
//! owner answers from committed state once that is proven to be the newest; or to the pod that
//! serves the partition; and where neither says anything the last value that was shown speaks,
//! lowered as [`certainty`] argues. An [`answer`] is JSON, of these [`fields`].
//!
//! Nothing here knows NATS or HTTP: the micro service stands in `crate::nats`, the routes in
//! `crate::http`.

pub mod answer;
pub mod certainty;
pub mod clerk;
pub mod desk;
pub mod fields;
pub mod question;

pub use clerk::{Alone, Clerk, Heard, Others, Reach, Settings, Silence};
pub use desk::{Desk, Desks, Question, Told, Unable};
pub use question::{Code, Refusal};
