//! The order entity: its rules, one case each, and what must hold whatever happens.
use proptest as _;
