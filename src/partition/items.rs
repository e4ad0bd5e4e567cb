//! Turns what was read into inputs: each message into the items it carries, checked and addressed.

use super::{
    commands::CommandGroup,
    entry::{ReadAt, Trigger},
};
use crate::{
    actors::AnyInput,
    contract::{self, AnyEvent, Limits, Received, Rejection, Rule, StoredSubject},
    domain::{
        decision::{Input, Published},
        ids::EntityKey,
    },
    ports::{LogMessage, Partition, Source},
};

/// An input on its way to an entity, or a message that is none.
#[derive(Debug)]
pub struct Item {
    /// Where its message was read.
    pub read: ReadAt,
    /// Which of the message's inputs it is.
    pub index: u32,
    /// Whom it is for, what the journal will name as the cause, and the input itself.
    pub content: Result<Addressed, Box<Rejection>>,
}

/// An input and the entity it is for.
#[derive(Debug)]
pub struct Addressed {
    /// The entity.
    pub entity: EntityKey,
    /// What the journal will name as the cause.
    pub trigger: Trigger,
    /// The input.
    pub input: AnyInput,
}

/// Which partition reads, and by which rules.
#[derive(Clone, Debug)]
pub struct Reception {
    /// The partition.
    pub partition: Partition,
    /// How many there are.
    pub partitions: Partition,
    /// The contract's limits.
    pub limits: Limits,
}

impl Reception {
    /// The items of a message: one for an event, several for a group of commands.
    pub fn items(&self, source: Source, message: LogMessage) -> Vec<Item> {
        let read =
            ReadAt { source, sequence: message.sequence, at: message.at, subject: message.subject };
        match source {
            Source::Lane(_) => {
                let content = self.event(&read, &message.payload);
                vec![Item { read, index: 0, content }]
            }
            Source::Commands => self.commands(&read, &message.payload),
        }
    }

    fn event(&self, read: &ReadAt, payload: &[u8]) -> Result<Addressed, Box<Rejection>> {
        let decoded = contract::decode(payload, &self.limits)?;
        let subject = StoredSubject::parse(&read.subject)
            .ok_or_else(|| Rejection::new(Rule::Route, &read.subject, "a stored subject"))?;
        let received = Received { subject, partitions: self.partitions, logged_at: read.at };
        contract::admit(&decoded, &received, &self.limits)?;
        crate::telemetry::unknown_fields(decoded.kind, decoded.unknown_fields.len());
        let (entity, cause, event) = decoded.into_parts(read.at, read.sequence);
        let trigger = Trigger::Event(cause.clone());
        let input = match event {
            AnyEvent::Sku(event) => AnyInput::Sku(Input::Event(Published { cause, event })),
            AnyEvent::Order(event) => AnyInput::Order(Input::Event(Published { cause, event })),
        };
        Ok(Addressed { entity, trigger, input })
    }

    fn commands(&self, read: &ReadAt, payload: &[u8]) -> Vec<Item> {
        let bad = |found: &str| Item {
            read: read.clone(),
            index: 0,
            content: Err(Rejection::new(Rule::Command, found, "a group of commands of ours")),
        };
        let group = match CommandGroup::decode(payload) {
            Ok(group) => group,
            Err(error) => return vec![bad(&error.to_string())],
        };
        let mut items = Vec::with_capacity(group.commands.len());
        for (index, carried) in group.commands.into_iter().enumerate() {
            let from = carried.command.from.clone();
            let trigger =
                Trigger::Command { from, sequence: read.sequence, origin: carried.origin };
            let content = match AnyInput::command(carried.command, read.at) {
                Some((entity, input)) if self.is_ours(&entity) => {
                    Ok(Addressed { entity, trigger, input })
                }
                Some((entity, _)) => {
                    Err(Rejection::new(Rule::Command, entity.key(), "a key of this partition"))
                }
                None => {
                    Err(Rejection::new(Rule::Command, "another kind of entity", "its addressee"))
                }
            };
            items.push(Item { read: read.clone(), index: index as u32, content });
        }
        items
    }

    fn is_ours(&self, entity: &EntityKey) -> bool {
        contract::partition_of(entity, self.partitions) == self.partition
    }
}
