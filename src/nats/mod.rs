//! The adapters of the ports on NATS JetStream.
