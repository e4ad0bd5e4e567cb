//! The checker can fail: each test spoils a good story in one way, and the checker must say so.

use earmark::{domain::decision::Standing, partition::entry::Facts};

use super::{
    Evidence, Of, Policy,
    answers::{Said, Told},
    check,
    story::{
        Story, answer_to, ended, event, granted, hold_ended, hold_opened, hold_shipped, left,
        received, refund_due, rejected, shipped, stock_came,
    },
};

fn complaints(evidence: &Evidence) -> Vec<String> {
    check(evidence, Policy::AllOrNothing).complaints
}

#[track_caller]
fn complains(evidence: &Evidence, of: &str) {
    let complaints = complaints(evidence);
    assert!(complaints.iter().any(|complaint| complaint.contains(of)), "{of:?}: {complaints:#?}");
}

/// Spoils the story, and expects a complaint.
#[track_caller]
fn spoiled(spoil: impl FnOnce(&mut Story), of: &str) {
    let mut story = Story::new();
    spoil(&mut story);
    complains(&story.evidence(), of);
}

#[test]
fn a_good_story_has_nothing_to_complain_of() {
    let report = check(&Story::new().evidence(), Policy::AllOrNothing);
    assert_eq!(report.complaints, Vec::<String>::new());
    assert_eq!(report.counted("duplicates"), 1);
    assert_eq!(report.counted("orders shipped"), 1);
    assert_eq!(report.counted("orders rejected"), 1);
}

#[test]
fn units_sold_twice() {
    spoiled(sell_twice, "granted 3 where 2 were available");
    spoiled(sell_twice, "does not add up");
}

fn sell_twice(story: &mut Story) {
    let step = story.step("b refused");
    step.facts = Facts::Sku(vec![hold_opened(1, "b")]);
    step.commands = vec![answer_to(granted("b", 3))];
}

#[test]
fn units_held_for_nobody() {
    spoiled(
        |story| story.step("b refused").facts = Facts::Sku(vec![hold_opened(1, "b")]),
        "3 units are held for b, which was told Some(Refused)",
    );
}

#[test]
fn an_order_refused_that_could_have_been_served() {
    let richer = |story: &mut Story| {
        story.input[0] = received(6);
        story.step("received").facts = Facts::Sku(vec![stock_came(6)]);
    };
    spoiled(richer, "refused though 3 were available");
}

#[test]
fn less_than_could_be_sold_by_the_unit() {
    let report = check(&Story::new().evidence(), Policy::Partial);
    let has = |of: &str| report.complaints.iter().any(|complaint| complaint.contains(of));
    assert!(has("refused though 2 were available"), "{report}");
    assert!(has("3 sold of a stock of 5 and a demand of 6"), "{report}");
}

#[test]
fn an_answer_taken_back() {
    let granted = |story: &mut Story| {
        story.step("b refused").commands.push(answer_to(granted("b", 3)));
    };
    spoiled(granted, "granted after a refusal");
    let refused = |story: &mut Story| {
        story.step("a committed").commands.push(answer_to(ended("a")));
    };
    spoiled(refused, "refused after a grant");
}

#[test]
fn stock_that_nobody_received() {
    spoiled(|story| story.input[0] = received(4), "4 units were received, 5 are written down");
}

#[test]
fn units_that_left_and_are_still_there() {
    let less = |story: &mut Story| {
        story.step("a left").facts = Facts::Sku(vec![hold_shipped(2), hold_ended(0)]);
    };
    spoiled(less, "3 of tea at east left, 2 were taken off the stock");
}

#[test]
fn units_that_are_forgotten() {
    let kept = |story: &mut Story| story.step("a left").facts = Facts::Sku(vec![]);
    spoiled(kept, "a: holds 3 units, it should hold 0");
}

#[test]
fn a_shipment_that_nobody_heard_of() {
    let partly = |story: &mut Story| {
        story.step("a shipped").outcomes = vec![left(false)];
    };
    spoiled(partly, "a: is open without a reason: not all of it has left");
}

#[test]
fn an_order_that_waits_to_ship_is_open_for_a_reason() {
    let mut story = Story::new();
    let ships = shipped("a", 3);
    story.input.retain(|event| *event != ships);
    ["a shipped", "a left", "a acknowledged", "a asked again"].iter().for_each(|step| {
        story.steps.remove(step);
    });
    let report = check(&story.evidence(), Policy::AllOrNothing);
    assert_eq!(report.complaints, Vec::<String>::new());
    assert_eq!(report.open.values().sum::<u64>(), 1);
}

#[test]
fn an_order_without_an_end() {
    let unheard = |story: &mut Story| story.step("b rejected").outcomes.clear();
    spoiled(unheard, "b: is not rejected, though its SKUs refused");
    let unanswered = |story: &mut Story| {
        story.steps.remove("b rejected");
    };
    spoiled(unanswered, "b: is open without a reason: not all of its SKUs have answered");
}

#[test]
fn an_order_with_two_ends() {
    spoiled(
        |story| story.step("a acknowledged").outcomes.push(rejected()),
        "a: came to more than one end: [Shipped, Rejected]",
    );
    spoiled(
        |story| story.step("a acknowledged").outcomes.push(rejected()),
        "a: is rejected, though its SKUs did not refuse",
    );
}

#[test]
fn money_that_is_kept_or_given_back_twice() {
    spoiled(|story| story.step("b paid").outcomes.clear(), "[] is said to be due back");
    spoiled(|story| story.step("b paid").outcomes.push(refund_due()), "[3000, 3000] is said");
}

#[test]
fn a_duplicate_counted_wrong() {
    let uncounted = |story: &mut Story| {
        story.steps.remove("a paid again");
    };
    spoiled(uncounted, "the journal counts 0 duplicates, EARMARK_IN has 1");
    let twice = |story: &mut Story| story.step("a paid again").standing = Standing::New;
    spoiled(twice, "a/captured: decided 2 times");
    let first = |story: &mut Story| story.step("a paid").standing = Standing::Repeated;
    spoiled(first, "calls a/captured a repeat of nothing");
}

#[test]
fn an_event_forgotten_or_made_up() {
    let more = |story: &mut Story| {
        story.input.push(event("payment.authorized", "a", "authorized", serde_json::json!({})));
    };
    spoiled(more, "a/authorized: published and never decided");
    let none = |story: &mut Story| {
        story.input.remove(0);
    };
    spoiled(none, "tea/received: decided and not in EARMARK_IN");
}

#[test]
fn an_outcome_missing_repeated_or_made_up() {
    let mut missing = Story::new().evidence();
    missing.out.remove(1);
    complains(&missing, "tells 1 outcomes, EARMARK_OUT has 0");

    let mut repeated = Story::new().evidence();
    repeated.out.push(repeated.out[0].clone());
    complains(&repeated, "stands there twice");

    let mut renamed = Story::new().evidence();
    let text = String::from_utf8_lossy(&renamed.out[0].payload).replace("1-0-7-0", "1-0-7-1");
    let mut other = renamed.out[0].clone();
    other.payload = text.into_bytes().into();
    renamed.out.push(other);
    complains(&renamed, "tells 1 outcomes, EARMARK_OUT has 2");

    let mut unknown = Story::new().evidence();
    let text = String::from_utf8_lossy(&unknown.out[0].payload).replace("1-0-7-0", "1-0-2-0");
    unknown.out[0].payload = text.into_bytes().into();
    complains(&unknown, "EARMARK_OUT has outcomes of record 1-0-2, which tells none");
}

#[test]
fn a_broken_chain() {
    let mut evidence = Story::new().evidence();
    evidence.journal.remove(4);
    complains(&evidence, "the chain is broken");
    let mut evidence = Story::new().evidence();
    evidence.journal.remove(0);
    complains(&evidence, "the chain does not begin where it should");
}

#[test]
fn what_a_client_was_told() {
    let told = |id: &str, status: &str| {
        let (event_source, event_id) = ("story".to_owned(), "a/placed".to_owned());
        let data = Said { event_source, event_id, status: status.to_owned() };
        let mut evidence = Story::new().evidence();
        evidence.told = vec![Told { id: id.to_owned(), data }];
        evidence
    };
    assert_eq!(complaints(&told("1-0-3-0", "accepted")), Vec::<String>::new());
    assert_eq!(complaints(&told("1-0-99-0", "refused")), Vec::<String>::new());
    complains(&told("1-0-99-0", "accepted"), "a/placed: told accepted by 1-0-99-0");
    complains(&told("1-0-3-0", "granted"), "a/placed: told granted by 1-0-3-0");
}

#[test]
fn what_is_lost_or_repeated_is_said_of_what() {
    let mut evidence = Story::new().evidence();
    evidence.out.remove(1);
    evidence.out.push(evidence.out[0].clone());
    let report = check(&evidence, Policy::AllOrNothing);
    assert_eq!((report.lost, report.repeated), (vec![Of::Record(8)], vec![Of::Record(7)]));
    let mut story = Story::new();
    story.step("a paid again").standing = Standing::New;
    let report = check(&story.evidence(), Policy::AllOrNothing);
    let paid = Of::Event(("story".to_owned(), "a/captured".to_owned()));
    assert_eq!((report.lost, report.repeated), (vec![], vec![paid]));
}
