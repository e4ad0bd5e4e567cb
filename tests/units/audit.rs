//! The audit: a run without a fault is clean, and each fault fills the list of its kind.
//!
//! The runs are written by hand on a store in memory: one partition, one SKU, and decisions of the
//! domain, of which a test changes what it is about.

use std::sync::Arc;

use bytes::Bytes;
use earmark::{
    audit::{
        Audited, Heard, Scope, audit,
        refused::{Offer, Room, Wish, could_be_had},
    },
    contract::{self, AnyEvent, Limits, time},
    domain::{
        Entity, Moment,
        decision::{Input, Published, Standing, Verdict},
        event::SkuEvent,
        ids::{EntityKey, LocationId, Sku},
        policy::Policy,
        sku::SkuState,
        time::{Span, Timestamp},
    },
    embedded::{Embedded, EmbeddedPublisher, Options},
    hosted::SetClock,
    partition::{
        self,
        batch::encode_entry,
        effects::effects,
        entry::{Decided, Entry, Facts, Trigger},
        record::{Header, Link, Record, RecordHash, Released, encode},
    },
    ports::{Cursor, NewEvent, Outgoing, Outlet, Publisher},
};
use serde_json::{Value, json};

const SKU: &str = "LAMP-1";

fn noon() -> Timestamp {
    time::parse("2026-11-27T12:00:00Z").expect("a time")
}

/// A run of one partition, as far as it has been written.
struct Run {
    store: Embedded,
    publisher: EmbeddedPublisher,
    sku: SkuState,
    last: Option<Link>,
}

impl Run {
    fn new() -> Run {
        let clock = SetClock::default();
        clock.set(noon());
        let options = Options { clock: Arc::new(clock), ..Options::default() };
        let store = Embedded::in_memory(options).expect("there is memory");
        let publisher = EmbeddedPublisher::new(store.clone(), 1);
        Run { store, publisher, sku: SkuState::new(sku()), last: None }
    }

    /// Ten units arrive, a cart gets three of them, and another is refused a hundred.
    async fn clean() -> Run {
        let mut run = Run::new();
        for event in [received(10), hold("h-1", 3), hold("h-2", 100)] {
            let published = run.publish(&event).await;
            let decided = run.decide(published);
            run.commit(decided).await;
        }
        run
    }

    async fn publish(&self, event: &Value) -> Published<SkuEvent> {
        let payload = Bytes::from(event.to_string());
        let decoded = contract::decode(&payload, &Limits::default()).expect("it is an event");
        let (lane, key) = (decoded.lane, decoded.key.clone());
        let taken = self.publisher.publish(NewEvent { lane, key, payload }).await;
        let (_, cause, event) = decoded.into_parts(noon(), taken.expect("it is taken"));
        let AnyEvent::Sku(event) = event else { panic!("an order's event") };
        Published { cause, event }
    }

    fn decide(&mut self, published: Published<SkuEvent>) -> Decided {
        let decided = decided_by(&self.sku, published);
        let Facts::Sku(facts) = &decided.facts else { panic!("facts of an order") };
        facts.iter().for_each(|fact| self.sku.apply(fact, noon()).expect("it can be applied"));
        decided
    }

    /// Appends a record, and says what it says.
    async fn commit(&mut self, decided: Decided) {
        let effects = self.append(decided).await;
        self.store.ports().outbox.send(effects).await;
    }

    /// Appends a record; what is to be said.
    async fn append(&mut self, decided: Decided) -> Vec<Outgoing> {
        let entries = vec![Entry::Decided(Box::new(decided))];
        let after = self.last.map_or(0, |link| link.sequence);
        let header = Header {
            partition: 0,
            partitions: 1,
            incarnation: 1,
            batch: u128::from(after),
            owner: "test".to_owned(),
            previous: self.last,
            decided_at: noon(),
            cursors: [Cursor::default(); 5],
            released: Released::default(),
            entries: 1,
        };
        let entry = encode_entry(&entries[0]).expect("it can be encoded");
        let bytes = encode(1, &header, &entry).expect("it can be encoded");
        let hash = RecordHash::of(&bytes);
        let journal = self.store.ports().journal;
        let sequence = journal.append(0, after, bytes.into()).await.expect("it is appended");
        self.last = Some(Link { sequence, hash });
        let record = Record { header, entries };
        effects(&record, sequence, &partition::Published::default()).messages
    }

    async fn audited(&self) -> Audited {
        self.audited_at(noon(), Heard::default()).await
    }

    async fn audited_at(&self, at: Timestamp, heard: Heard) -> Audited {
        let scope = Scope {
            partitions: 1,
            published: partition::Published::default(),
            limits: Limits::default(),
            at,
            margin: Span::from_secs(60),
            with_state: false,
        };
        audit(&self.store.ports().into(), &scope, heard).await.expect("it can be audited")
    }
}

fn decided_by(sku: &SkuState, published: Published<SkuEvent>) -> Decided {
    let policy = Policy::default();
    let cause = published.cause.clone();
    let decision = sku.decide(&Input::Event(published), &Moment::new(noon(), &policy));
    Decided {
        entity: EntityKey::Sku(sku.sku().clone()),
        trigger: Trigger::Event(cause),
        facts: Facts::Sku(decision.facts),
        outcomes: decision.outcomes,
        commands: decision.commands,
        given_up: decision.given_up,
        verdict: decision.verdict,
        standing: decision.standing,
        shown: None,
        books: None,
    }
}

fn sku() -> Sku {
    Sku::new(SKU).expect("a key")
}

fn event(id: &str, kind: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": kind, "subject": SKU,
        "time": time::format(noon()), "data": data,
    })
}

fn received(quantity: u32) -> Value {
    let data = json!({"location": "MAIN", "quantity": quantity, "reference": "r"});
    event(&format!("r-{quantity}"), "stock.received.v1", data)
}

fn hold(name: &str, quantity: u32) -> Value {
    let data = json!({
        "hold": name, "owner": "cart", "kind": "cart", "quantity": quantity, "ttl_s": 600,
    });
    event(name, "hold.requested.v1", data)
}

#[tokio::test]
async fn a_run_without_a_fault_is_clean() {
    let found = Run::clean().await.audited().await;
    assert!(found.findings.is_clean(), "{:?}", found.findings);
    assert!(found.unchecked.is_empty());
    assert_eq!((found.counts.events, found.counts.skus_checked), (3, 1));
    assert_eq!((found.counts.holds["granted"], found.counts.holds["rejected"]), (1, 1));
    let units = found.counts.units;
    assert_eq!((units.received, units.on_hand, units.promised, units.oversold), (10, 10, 3, 0));
}

#[tokio::test]
async fn an_event_that_nobody_decided_is_lost() {
    let run = Run::clean().await;
    run.publish(&hold("h-3", 1)).await;
    let lost = run.audited().await.findings.lost;
    let text = "an event was not decided: sku LAMP-1: hold.requested.v1 h-3 of /test, message 4 of \
                EARMARK_IN, demand of partition 0";
    assert_eq!(lost, [text]);
}

#[tokio::test]
async fn an_outcome_that_was_not_said_is_lost() {
    let mut run = Run::clean().await;
    let published = run.publish(&hold("h-3", 1)).await;
    let decided = run.decide(published);
    run.append(decided).await;
    let lost = run.audited().await.findings.lost;
    let text = "an effect is not there: 1-0-4-0, record 4 of partition 0, in EARMARK_OUT";
    assert_eq!(lost, [text]);
}

#[tokio::test]
async fn an_outcome_that_nobody_decided_is_one_too_many() {
    let run = Run::clean().await;
    let more = Outgoing {
        outlet: Outlet::Out,
        subject: "earmark.out.sku.LAMP-1.hold_granted".to_owned(),
        id: Some("1-0-9-9".to_owned()),
        headers: Vec::new(),
        payload: Bytes::from_static(b"{}"),
        after: None,
    };
    run.store.ports().outbox.send(vec![more]).await;
    let twice = run.audited().await.findings.twice;
    let text = "an effect that the journal does not know: 1-0-9-9, message 3 of EARMARK_OUT";
    assert_eq!(twice, [text]);
}

#[tokio::test]
async fn units_that_never_came_are_oversold() {
    let mut run = Run::new();
    let mut published = run.publish(&received(5)).await;
    if let SkuEvent::StockReceived(stock) = &mut published.event {
        stock.quantity = 10;
    }
    let decided = run.decide(published);
    run.commit(decided).await;
    let published = run.publish(&hold("h-1", 8)).await;
    let decided = run.decide(published);
    run.commit(decided).await;
    let found = run.audited().await;
    let text = "oversold: sku LAMP-1, by 3 units: 5 came, 0 left, 8 are promised";
    assert_eq!(found.findings.oversold, [text]);
    let text = "a unit is lost or found: sku LAMP-1: 5 came, 0 left, 10 are there";
    assert_eq!(found.findings.lost, [text]);
    assert_eq!(found.counts.units.oversold, 3);
}

#[tokio::test]
async fn units_that_were_there_and_refused_are_undersold() {
    let mut run = Run::clean().await;
    let published = run.publish(&hold("h-3", 7)).await;
    let refused = decided_by(&SkuState::new(sku()), published);
    assert!(matches!(refused.verdict, Verdict::Refused(_)));
    run.commit(refused).await;
    let findings = run.audited().await.findings;
    let text = "refused what was there: sku LAMP-1, hold h-3: 7 asked for where MAIN had 7, record \
                4 of partition 0";
    assert_eq!(findings.undersold, [text]);
    assert_eq!(findings.lines().count(), 1);
}

#[tokio::test]
async fn a_hold_past_its_deadline_is_stuck() {
    let run = Run::clean().await;
    let within = run.audited_at(noon() + Span::from_secs(660), Heard::default()).await;
    assert!(within.findings.is_clean(), "{:?}", within.findings);
    let after = run.audited_at(noon() + Span::from_secs(661), Heard::default()).await;
    let text = "a hold is past its deadline: sku LAMP-1: hold h-1 of cart, 3 units until \
                2026-11-27T12:10:00Z";
    assert_eq!(after.findings.stuck, [text]);
}

#[tokio::test]
async fn an_event_that_was_decided_again_is_one_too_many() {
    let mut run = Run::clean().await;
    let published = run.publish(&received(2)).await;
    let decided = run.decide(published);
    run.commit(decided.clone()).await;
    run.commit(decided).await;
    let findings = run.audited().await.findings;
    let again = "an event took effect again: sku LAMP-1: r-2 of /test, record 5 of partition 0";
    let twice = "an event was decided more than once: message 4 of EARMARK_IN, partition 0";
    assert_eq!(findings.twice, [again, twice]);
    assert_eq!(findings.lost.len(), 1, "{findings:?}");
}

#[tokio::test]
async fn an_event_that_was_published_again_and_not_recognised_took_effect_again() {
    let mut run = Run::clean().await;
    let published = run.publish(&received(2)).await;
    let decided = run.decide(published);
    run.commit(decided).await;
    let published = run.publish(&received(2)).await;
    let unrecognised = decided_by(&SkuState::new(sku()), published);
    assert_eq!(unrecognised.standing, Standing::New);
    run.commit(unrecognised).await;
    let findings = run.audited().await.findings;
    let again = "an event took effect again: sku LAMP-1: r-2 of /test, record 5 of partition 0";
    assert_eq!(findings.twice, [again]);
}

#[tokio::test]
async fn a_repeat_is_no_second_decision() {
    let mut run = Run::clean().await;
    let published = run.publish(&hold("h-1", 3)).await;
    let decided = run.decide(published);
    assert_eq!(decided.standing, Standing::Repeated);
    run.commit(decided).await;
    let found = run.audited().await;
    assert!(found.findings.is_clean(), "{:?}", found.findings);
    assert_eq!(found.counts.duplicates_ignored, 1);
}

#[tokio::test]
async fn a_promise_that_the_journal_does_not_have_was_taken_back() {
    let run = Run::clean().await;
    let answers = [("/test", "h-1", true), ("/test", "h-2", true), ("/test", "h-9", true)];
    let heard: Heard = answers.into_iter().chain([("/test", "h-8", false)]).collect();
    let lost = run.audited_at(noon(), heard).await.findings.lost;
    let refused = "a promise was taken back: h-2 of /test: told granted, refused as \
                   insufficient_stock by record 3 of partition 0";
    let unknown = "a promise was taken back: h-9 of /test: told granted, the journal does not \
                   know it";
    assert_eq!(lost, [refused, unknown]);
}

#[test]
fn a_refusal_is_wrong_only_where_one_place_had_enough() {
    let at = |name: &str| LocationId::new(name).expect("a location");
    let room = |name, stock, beyond| Room { location: at(name), stock, beyond };
    let offer = Offer(vec![room("EAST", 4, 0), room("WEST", 3, 2)]);
    let wish = |quantity| Wish {
        quantity,
        location: None,
        partial: false,
        backorder: false,
        claims: false,
    };
    let had = |wish: Wish| could_be_had(&offer, &wish).map(|(at, units)| (at.to_string(), units));
    let in_west = Some(at("WEST"));
    assert_eq!(had(wish(4)), Some(("EAST".to_owned(), 4)));
    assert_eq!(had(wish(5)), None, "no place alone has five");
    assert_eq!(had(Wish { backorder: true, ..wish(5) }), Some(("WEST".to_owned(), 5)));
    assert_eq!(had(Wish { partial: true, ..wish(9) }), Some(("EAST".to_owned(), 4)));
    assert_eq!(had(Wish { location: in_west.clone(), ..wish(4) }), None);
    assert_eq!(had(Wish { location: in_west, claims: true, ..wish(3) }).map(|had| had.1), Some(3));
    assert_eq!(had(Wish { claims: true, ..wish(1) }), None, "the claim may tie it to a place");
    assert_eq!(had(Wish { location: Some(at("SOUTH")), ..wish(1) }), None);
    assert_eq!(could_be_had(&Offer::default(), &wish(1)), None);
}
