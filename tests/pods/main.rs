//! Several pods on real servers: who serves which partition, and what happens when a pod comes,
//! leaves, dies, sleeps or is replaced by another build.
//!
//! Under a steady [`load`] of holds that [`world`] publishes, the tests change the pods; afterwards
//! [`journal`] works out from the streams alone that nothing was lost, decided twice or sold twice,
//! and who committed what.

mod changes;
mod crowd;
mod dead_letters;
mod formats;
#[path = "../harness/mod.rs"]
mod harness;
mod journal;
mod load;
mod million;
mod orders;
mod peak;
mod poison;
mod promotions;
mod rush;
#[path = "../real_orders/streams.rs"]
mod streams;
mod timeline;
mod twins;
mod world;
