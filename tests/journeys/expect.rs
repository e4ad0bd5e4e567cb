//! What the documents say must be answered to an event, where they say it for certain.

use earmark::domain::{
    event::{EditRequested, LineUnits, OrderEvent, ReturnStep},
    ids::Name,
    refusal::Reason,
    time::Timestamp,
};

use crate::{
    lines::{At, GONE, OPEN},
    model::Model,
};

/// An answer that is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Not a refusal.
    Taken,
    Refused(Reason),
}

/// What an order of which a stone is left must answer, if it is certain.
pub fn answer_of_stone(of: &Model, event: &OrderEvent, logged_at: Timestamp) -> Option<Answer> {
    match event {
        OrderEvent::CancelRequested(_) | OrderEvent::EditRequested(_) => {
            Some(Answer::Refused(Reason::OrderEnded))
        }
        OrderEvent::Fulfilment(..)
        | OrderEvent::Return(..)
        | OrderEvent::Placed(_)
        | OrderEvent::Payment(..)
        | OrderEvent::ShipmentTracked(_) => answer(of, event, logged_at),
    }
}

/// What a placed order must answer, if it is certain.
pub fn answer(of: &Model, event: &OrderEvent, logged_at: Timestamp) -> Option<Answer> {
    use Answer::{Refused, Taken};
    match event {
        OrderEvent::Placed(_) => Some(Refused(Reason::OrderExists)),
        OrderEvent::CancelRequested(said) => Some(cancel(of, said.lines.as_deref(), logged_at)),
        OrderEvent::EditRequested(said) => Some(edit(of, said, logged_at)),
        OrderEvent::Return(ReturnStep::Received, said) => Some(received(of, &said.lines)),
        OrderEvent::ShipmentTracked(_) => Some(Taken),
        OrderEvent::Fulfilment(_, said) => {
            unknown(of, &said.lines).then_some(Refused(Reason::UnknownLine))
        }
        OrderEvent::Return(_, said) => {
            unknown(of, &said.lines).then_some(Refused(Reason::UnknownLine))
        }
        OrderEvent::Payment(_, said) => {
            let known = of.money.get(&said.payment);
            let other = known.is_some_and(|money| money.currency != said.currency);
            Some(if other { Refused(Reason::InvalidField) } else { Taken })
        }
    }
}

fn unknown(of: &Model, lines: &[LineUnits]) -> bool {
    lines.iter().any(|units| !of.lines.contains_key(&units.line))
}

fn knows(of: &Model, lines: Option<&[Name]>) -> bool {
    let known = |name: &Name| of.lines.contains_key(name) || of.wished.contains_key(name);
    lines.is_none_or(|lines| lines.iter().all(known))
}

fn cancel(of: &Model, lines: Option<&[Name]>, logged_at: Timestamp) -> Answer {
    let named = |name: &Name| lines.is_none_or(|lines| lines.contains(name));
    if !knows(of, lines) {
        return Answer::Refused(Reason::UnknownLine);
    }
    let sum = |at: &[At]| -> u32 {
        let lines = of.lines.iter().filter(|(name, _)| named(name));
        lines.map(|(_, line)| line.sum(at)).sum()
    };
    match (sum(&OPEN) > 0 || of.wishes(lines), sum(&GONE) > 0) {
        (true, _) if is_closed(of, logged_at) => Answer::Refused(Reason::CancelWindowClosed),
        (true, _) => Answer::Taken,
        (false, true) => Answer::Refused(Reason::AlreadyShipped),
        (false, false) if sum(&[At::Cancelled]) > 0 => Answer::Taken,
        (false, false) => Answer::Refused(Reason::OrderEnded),
    }
}

fn is_closed(of: &Model, logged_at: Timestamp) -> bool {
    of.cancel_until.is_some_and(|until| until < logged_at)
}

fn edit(of: &Model, said: &EditRequested, logged_at: Timestamp) -> Answer {
    let open = |name: &Name| of.lines.get(name).map_or(0, |line| line.sum(&OPEN));
    let less = said.lines.iter().any(|line| line.quantity < open(&line.line));
    let other = said
        .lines
        .iter()
        .any(|line| of.lines.get(&line.line).is_some_and(|known| known.sku != line.sku));
    match (of.open() > 0 || of.wishes(None), of.gone() > 0) {
        (_, true) => Answer::Refused(Reason::AlreadyShipped),
        (false, false) => Answer::Refused(Reason::OrderEnded),
        (true, false) if less && is_closed(of, logged_at) => {
            Answer::Refused(Reason::CancelWindowClosed)
        }
        (true, false) if other => Answer::Refused(Reason::InvalidField),
        (true, false) => Answer::Taken,
    }
}

fn received(of: &Model, lines: &[LineUnits]) -> Answer {
    if unknown(of, lines) {
        return Answer::Refused(Reason::UnknownLine);
    }
    let came = |name: &Name| -> u32 {
        lines.iter().filter(|of| of.line == *name).map(|of| of.quantity).sum()
    };
    let outside = |name: &Name| {
        of.lines.get(name).map_or(0, |line| line.sum(&GONE).saturating_sub(line.back))
    };
    match lines.iter().any(|of| came(&of.line) > outside(&of.line)) {
        true => Answer::Refused(Reason::ExceedsQuantity),
        false => Answer::Taken,
    }
}
