//! The order entity: a table of what each status does with each event, a case for each rule, and
//! what must hold whatever happens.

mod bench;
mod cases;
mod changes;
mod chaos;
mod events;
mod table;
mod text;
