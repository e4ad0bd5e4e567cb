//! Earmark.
