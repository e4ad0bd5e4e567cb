//! The adapter of the snapshot port on Redis.
