//! A SKU: its stock at each location and the holds on it.
