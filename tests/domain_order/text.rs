//! A decision as a line of text, to be compared literally.

use earmark::domain::{
    command::{Command, CommandBody, SkuCommand},
    decision::{Decision, Standing, Verdict},
    order::facts::OrderFact,
    outcome::{LineQuantity, Outcome},
};

pub fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted => "accepted".to_owned(),
        Verdict::Recorded => "recorded".to_owned(),
        Verdict::Parked => "parked".to_owned(),
        Verdict::Refused(refusal) => match &refusal.about {
            Some(about) => format!("refused {} ({about})", refusal.reason),
            None => format!("refused {}", refusal.reason),
        },
        Verdict::HoldGranted { .. } | Verdict::HoldExtended { .. } => unreachable!(),
    }
}

fn command(command: &Command) -> String {
    let CommandBody::Ask(body) = &command.body else { unreachable!("an order only asks") };
    ask(command.to.key(), body)
}

fn ask(sku: &str, body: &SkuCommand) -> String {
    match body {
        SkuCommand::After { movements, ask: asked } => {
            format!("{} after {movements}", ask(sku, asked))
        }
        SkuCommand::Reserve { quantity, .. } => format!("{sku} reserve {quantity}"),
        SkuCommand::ReserveElsewhere { quantity, .. } => {
            format!("{sku} reserve {quantity} elsewhere")
        }
        SkuCommand::Commit { quantity, .. } => format!("{sku} commit {quantity}"),
        SkuCommand::Release { keep, .. } => format!("{sku} release keep {keep}"),
        SkuCommand::Ship { quantity, held, shipment, .. } if held == quantity => {
            format!("{sku} ship {quantity} #{shipment}")
        }
        SkuCommand::Ship { quantity, held, shipment, .. } => {
            format!("{sku} ship {quantity}, {held} held #{shipment}")
        }
        SkuCommand::Move { goods, quantity, held, shipment, location, .. } => {
            format!("{sku} {goods:?} {quantity}, {held} held at {location} #{shipment}")
        }
    }
}

fn lines(lines: &[LineQuantity]) -> String {
    lines.iter().map(|it| format!(" {}:{}", it.line, it.quantity)).collect()
}

fn outcome(outcome: &Outcome) -> String {
    let kind = outcome.kind();
    match outcome {
        Outcome::OrderReserved { lines, refused, .. } => {
            let reserved: String = lines
                .iter()
                .map(|it| {
                    format!(" {}:{}+{}", it.line, it.quantity - it.backordered, it.backordered)
                })
                .collect();
            let refused: String = refused
                .iter()
                .map(|it| format!(" not {}:{}", it.line, it.refusal.reason))
                .collect();
            format!("{kind}{reserved}{refused}")
        }
        Outcome::OrderRejected { refused } => {
            let refused: String =
                refused.iter().map(|it| format!(" {}:{}", it.line, it.refusal.reason)).collect();
            format!("{kind}{refused}")
        }
        Outcome::ShipmentCancelled { lines: back, .. } => format!("{kind}{}", lines(back)),
        Outcome::OrderReturned { lines: came, complete, .. } => {
            format!("{kind}{}{}", lines(came), if *complete { ", all" } else { "" })
        }
        Outcome::OrderEdited { lines: now } => format!("{kind}{}", lines(now)),
        Outcome::OrderEditRefused { refused } => {
            let refused: String =
                refused.iter().map(|it| format!(" {}:{}", it.line, it.refusal.reason)).collect();
            format!("{kind}{refused}")
        }
        Outcome::FulfilmentMoved { fulfilment, lines: now } => {
            format!("{kind} {fulfilment}{}", lines(now))
        }
        Outcome::FulfilmentNotMoved { fulfilment, refusal } => {
            format!("{kind} {fulfilment} {}", refusal.reason)
        }
        Outcome::OrderShipped { lines: left, .. } => format!("{kind}{}", lines(left)),
        Outcome::OrderCancelled { lines: lost, complete, reason } => {
            let complete = if *complete { ", all" } else { "" };
            format!("{kind}{}{complete}, {reason}", lines(lost))
        }
        Outcome::OrderCancelRefused { refusal } => format!("{kind} {}", refusal.reason),
        Outcome::RefundDue { amount_minor, refusal, .. } => {
            format!("{kind} {amount_minor}, {}", refusal.reason)
        }
        _ => kind.to_owned(),
    }
}

/// `verdict | commands | outcomes`.
pub fn decision(decision: &Decision<OrderFact>) -> String {
    let repeated = if decision.standing == Standing::Repeated { "again " } else { "" };
    let commands: Vec<_> = decision.commands.iter().map(command).collect();
    let outcomes: Vec<_> = decision.outcomes.iter().map(outcome).collect();
    let (commands, outcomes) = (commands.join(", "), outcomes.join("; "));
    format!("{repeated}{} | {commands} | {outcomes}", verdict(&decision.verdict))
}
