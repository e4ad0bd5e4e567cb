//! Who is refused `busy`: those of a level of safe mode, and those of a SKU that takes more than its
//! share while others wait.

use earmark::{
    actors::AnyInput,
    contract::{self, AnyEvent, Limits},
    domain::{
        Level,
        decision::{Input, Published},
        ids::EntityKey,
        time::{Span, Timestamp},
    },
    partition::shedding::{Shedding, Stress},
};
use serde_json::{Value, json};

fn event(kind: &str, subject: &str, replyto: bool, data: Value) -> (EntityKey, AnyInput) {
    let mut event = json!({
        "specversion": "1.0", "id": "1", "source": "shop", "type": kind, "subject": subject,
        "time": "2026-01-05T10:00:00Z", "data": data,
    });
    if replyto {
        event["replyto"] = json!("_INBOX.shop");
    }
    let decoded = contract::decode(event.to_string().as_bytes(), &Limits::default());
    let (entity, cause, event) = decoded.expect("it is right").into_parts(Timestamp(0), 1);
    let input = match event {
        AnyEvent::Sku(event) => AnyInput::Sku(Input::Event(Published { cause, event })),
        AnyEvent::Order(event) => AnyInput::Order(Input::Event(Published { cause, event })),
    };
    (entity, input)
}

fn hold(sku: &str, kind: &str, replyto: bool) -> (EntityKey, AnyInput) {
    let data = json!({ "hold": "h1", "owner": "cart:1", "kind": kind, "quantity": 1 });
    event("hold.requested.v1", sku, replyto, data)
}

fn order(replyto: bool) -> (EntityKey, AnyInput) {
    let lines = json!([{ "line": "1", "sku": "MUG", "quantity": 1 }]);
    let data = json!({ "lines": lines, "policy": "all_or_nothing", "payment_due_s": 600 });
    event("order.placed.v1", "A-1", replyto, data)
}

fn release() -> (EntityKey, AnyInput) {
    let data = json!({ "hold": "h1", "owner": "cart:1", "reason": "left" });
    event("hold.released.v1", "MUG", true, data)
}

fn is_refused(level: Level, (entity, input): &(EntityKey, AnyInput)) -> bool {
    let mut stress = Stress { level, ..Stress::default() };
    Shedding::default().refuses(entity, input, &mut stress, Timestamp(0))
}

#[test]
fn each_level_refuses_new_requests_of_those_who_wait_and_nothing_else() {
    let refused = |what: &(EntityKey, AnyInput)| Level::ALL.map(|level| is_refused(level, what));
    let [no, yes] = [false, true];
    assert_eq!(refused(&hold("MUG", "cart", true)), [no, no, yes, yes]);
    assert_eq!(refused(&order(true)), [no, no, no, yes]);
    for decided in [
        hold("MUG", "cart", false),
        hold("MUG", "order", true),
        hold("MUG", "draft", true),
        order(false),
        release(),
    ] {
        assert_eq!(refused(&decided), [no; 4], "{decided:?}");
    }
}

/// Requests for carts of a SKU, spread over a second; how many of them are decided.
fn a_second_of(
    shedding: &mut Shedding,
    sku: &str,
    requests: u32,
    from_s: i64,
    scarce: bool,
) -> u32 {
    let (entity, input) = hold(sku, "cart", true);
    let mut stress = Stress { scarce, sku_share: 100, ..Stress::default() };
    let each = 1_000_000 / i64::from(requests);
    let at = |request| Timestamp(from_s * 1_000_000) + Span(i64::from(request) * each);
    (0..requests).filter(|n| !shedding.refuses(&entity, &input, &mut stress, at(*n))).count() as u32
}

#[test]
fn a_hot_sku_takes_its_share_while_there_is_too_much_and_until_less_is_asked_of_it() {
    let mut shedding = Shedding::default();
    let shedding = &mut shedding;
    assert_eq!(a_second_of(shedding, "DROP", 5_000, 1, false), 5_000, "there is enough");
    assert_eq!(a_second_of(shedding, "DROP", 5_000, 2, true), 100);
    assert_eq!(a_second_of(shedding, "MUG", 90, 2, true), 90, "another one has its own share");
    assert_eq!(a_second_of(shedding, "DROP", 5_000, 3, false), 100, "as much is asked as before");
    assert_eq!(shedding.hot(), 1);
    assert_eq!(a_second_of(shedding, "DROP", 80, 4, false), 80);
    assert_eq!(a_second_of(shedding, "DROP", 5_000, 5, false), 5_000, "it has cooled down");
    assert_eq!(shedding.hot(), 0);
}

#[test]
fn a_share_counts_by_the_second() {
    let mut shedding = Shedding::default();
    let decided: u32 =
        (10..20).map(|second| a_second_of(&mut shedding, "DROP", 1_000, second, true)).sum();
    assert_eq!(decided, 1_000);
}

#[test]
fn a_hot_sku_does_not_take_its_share_at_once() {
    let mut shedding = Shedding::default();
    assert_eq!(a_second_of(&mut shedding, "DROP", 1_000, 1, true), 100);
    let (entity, input) = hold("DROP", "cart", true);
    let mut stress = Stress { scarce: true, sku_share: 100, ..Stress::default() };
    let mut decided = [0; 10];
    for request in 0..1_000 {
        let at = Timestamp(2_000_000) + Span(request * 1_000);
        let refused = shedding.refuses(&entity, &input, &mut stress, at);
        decided[request as usize / 100] += u32::from(!refused);
    }
    assert_eq!(decided, [20, 10, 10, 10, 10, 10, 10, 10, 10, 0]);
    // What nobody else wants it takes beyond its share.
    stress.spare = 2;
    let late =
        [(); 4].map(|()| shedding.refuses(&entity, &input, &mut stress, Timestamp(2_999_999)));
    assert_eq!(late, [false, false, true, true]);
}
