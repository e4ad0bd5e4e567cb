//! Short ways to say what publishers and SKUs say. The order of the tests is two units of SKU A
//! (line a) and one of SKU B (line b).

use earmark::domain::{
    command::SkuAnswer,
    event::*,
    ids::{HoldName, LocationId, Name, OrderId, Sku},
    refusal::Reason,
};

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn order_id() -> OrderId {
    OrderId::new("o1").unwrap()
}

pub fn sku(text: &str) -> Sku {
    Sku::new(text).unwrap()
}

pub fn hel() -> LocationId {
    LocationId::new("hel").unwrap()
}

pub fn line(line: &str, of: &str, quantity: u32) -> OrderLine {
    OrderLine { line: name(line), sku: sku(of), quantity, location: None, hold: None }
}

pub fn placed(lines: Vec<OrderLine>, policy: OrderPolicy) -> OrderPlaced {
    OrderPlaced { lines, policy, payment_due_s: 900, cancel_until: None, backorder: false }
}

pub fn two_lines(policy: OrderPolicy) -> OrderEvent {
    OrderEvent::Placed(placed(vec![line("a", "A", 2), line("b", "B", 1)], policy))
}

pub fn edit(lines: &[(&str, &str, u32)]) -> OrderEvent {
    let lines = lines.iter().map(|(name, of, quantity)| line(name, of, *quantity)).collect();
    OrderEvent::EditRequested(EditRequested { lines })
}

pub fn pay(step: PaymentStep, amount_minor: u64) -> OrderEvent {
    let payment = Payment { payment: name("p1"), amount_minor, currency: "EUR".to_owned() };
    OrderEvent::Payment(step, payment)
}

pub fn cancel(lines: Option<&[&str]>) -> OrderEvent {
    let lines = lines.map(|lines| lines.iter().map(|line| name(line)).collect());
    OrderEvent::CancelRequested(CancelRequested { reason: "changed my mind".to_owned(), lines })
}

pub fn fulfil(step: FulfilmentStep, fulfilment: &str, lines: &[(&str, u32)]) -> OrderEvent {
    let units = |(line, quantity): &(&str, u32)| LineUnits {
        line: name(line),
        quantity: *quantity,
        disposition: None,
    };
    OrderEvent::Fulfilment(
        step,
        Fulfilment {
            fulfilment: name(fulfilment),
            location: hel(),
            lines: lines.iter().map(units).collect(),
            tracking: None,
            reason: None,
            into: None,
        },
    )
}

pub fn move_to(location: &str, fulfilment: &str, lines: &[(&str, u32)]) -> OrderEvent {
    let OrderEvent::Fulfilment(step, said) = fulfil(FulfilmentStep::Moved, fulfilment, lines)
    else {
        unreachable!("it is a fulfilment's step")
    };
    let location = LocationId::new(location).unwrap();
    OrderEvent::Fulfilment(step, Fulfilment { location, ..said })
}

pub fn give_back(step: ReturnStep, named: &str, lines: &[(&str, u32)]) -> OrderEvent {
    let units = |(line, quantity): &(&str, u32)| LineUnits {
        line: name(line),
        quantity: *quantity,
        disposition: (step == ReturnStep::Received).then_some(Disposition::Restock),
    };
    let lines = lines.iter().map(units).collect();
    OrderEvent::Return(step, Return { r#return: name(named), lines, location: None })
}

pub fn tracked(status: &str, at: i64) -> OrderEvent {
    OrderEvent::ShipmentTracked(ShipmentTracked {
        fulfilment: name("f1"),
        carrier: "posti".to_owned(),
        status: status.to_owned(),
        at: earmark::domain::time::Timestamp(at),
    })
}

pub fn hold() -> HoldName {
    HoldName::Order { order: order_id(), location: None, claim: None, attempt: 1 }
}

pub fn granted(quantity: u32) -> SkuAnswer {
    SkuAnswer::Reserved { hold: hold(), quantity, backordered: 0, location: hel() }
}

pub fn not_granted() -> SkuAnswer {
    SkuAnswer::NotReserved { hold: hold(), refusal: Reason::InsufficientStock.into() }
}

pub fn committed(quantity: u32) -> SkuAnswer {
    SkuAnswer::Committed { hold: hold(), quantity }
}

pub fn not_committed() -> SkuAnswer {
    SkuAnswer::NotCommitted { hold: hold(), refusal: Reason::InsufficientStock.into() }
}

pub fn released(keep: u32) -> SkuAnswer {
    SkuAnswer::Released { hold: hold(), keep }
}

pub fn shipped(shipment: u32) -> SkuAnswer {
    SkuAnswer::Shipped { hold: hold(), shipment }
}

pub fn moved(shipment: u32, quantity: u32) -> SkuAnswer {
    SkuAnswer::Moved { hold: hold(), shipment, quantity, location: Some(hel()) }
}

/// The hold that an order asks for beside the first.
pub fn second_hold(location: Option<LocationId>) -> HoldName {
    HoldName::Order { order: order_id(), location, claim: None, attempt: 2 }
}

/// An answer to what was asked after so many movements.
pub fn after(movements: u32, answer: SkuAnswer) -> SkuAnswer {
    SkuAnswer::After { movements, answer: Box::new(answer) }
}
