//! The contract: bytes become a checked event, or a rejection that says what to do.
