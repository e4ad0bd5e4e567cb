//! An order: its lines, the saga that reserves them, payments and fulfilments.
