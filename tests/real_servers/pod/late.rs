//! Events that came too late: an operator lets one be decided by its name, and no publisher can; what
//! took effect before, or may have, is let through by nobody.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{Ran, wait_until};
use crate::world::{BOUND, World, received};

/// Who does it, and why.
const DOES: [&str; 6] = ["--allow-stale", "--apply", "--by", "ann", "--why", "INC-18"];
/// A pod that hears operators, and writes what they say into its journal at once.
const HEARS: [(&str, &str); 2] =
    [("EARMARK__CLUSTER__OWNERSHIP", "leases"), ("EARMARK__CLUSTER__FORMAT_AFTER_S", "0")];
/// As few as a SKU may remember.
const FEW_IDS: (&str, &str) = ("EARMARK__POLICY__IDS_PER_SKU_MAX", "100");

fn hours_ago(hours: i64, mut event: Value) -> Value {
    let at = OffsetDateTime::now_utc() - Duration::hours(hours);
    event["time"] = json!(at.format(&Rfc3339).expect("a time can be written"));
    event
}

impl World {
    async fn late(&self, args: &[&str]) -> Ran {
        self.earmark(&[&["dlq", "replay"], args, &["--json"]].concat()).await
    }

    async fn letters_stand(&self, number: usize) {
        wait_until("the dead letters are there", BOUND, async || {
            self.messages("EARMARK_DLQ").await.len() == number
        })
        .await;
    }

    async fn audited(&self, subject: &str) -> Vec<Value> {
        let notes = self.messages("EARMARK_AUDIT").await;
        let own = notes.iter().filter(|note| note.subject.as_str() == subject);
        own.map(|note| serde_json::from_slice(&note.payload).expect("JSON")).collect()
    }
}

fn held_back(told: &Value) -> &str {
    told["events"][0]["held_back"].as_str().unwrap_or_else(|| panic!("it is held back: {told}"))
}

#[tokio::test]
async fn what_came_too_late_is_decided_when_an_operator_names_it_and_once() {
    let world = World::start().await;
    let _pod = world.pod_with(&HEARS).await;
    world.ask(&received("first", "LATE", 1)).await;
    let mut late = hours_ago(48, received("late-1", "LATE", 3));
    // Whatever a publisher says, it is stale.
    late["allowstale"] = json!(true);
    world.send(&late).await;
    world.send(&hours_ago(48, received("late-2", "LATE", 5))).await;
    world.letters_stand(2).await;

    let letter = world.earmark(&["dlq", "show", "1", "--json"]).await.with(0).json();
    assert_eq!(letter["letter"]["reason"], "stale", "{letter}");
    assert_eq!(letter["letter"]["quantities"]["on_hand"], json!(1), "as its SKU stood: {letter}");
    let dry = world.late(&["1"]).await.with(0).json();
    assert!(held_back(&dry).contains("--allow-stale"), "{dry}");
    // Nobody lets through what he does not name.
    let ran = world.late(&[&["--reason", "stale"][..], &DOES].concat()).await;
    assert_eq!(ran.code(), 2, "{}", ran.err());
    let dry = world.late(&["1", "--allow-stale"]).await.with(0).json();
    assert_eq!(dry["events"][0]["forecast"]["verdict"], "accepted", "{dry}");
    assert!(world.messages("EARMARK_AUDIT").await.is_empty(), "a dry run leaves no trace");
    assert_eq!(world.total("LATE").await[0], 1);

    let told = world.late(&[&["1"][..], &DOES].concat()).await.with(0).json();
    assert_eq!(told["events"][0]["came"]["result"], "done", "{told}");
    assert_eq!(world.total("LATE").await[0], 4);
    let words = world.audited("earmark.audit.allow-stale").await;
    assert_eq!(words.len(), 1, "{words:?}");
    let who = ["by", "reason", "event_id", "key"].map(|field| words[0][field].clone());
    assert_eq!(who, ["ann", "INC-18", "late-1", "LATE"].map(|text| json!(text)));
    let history = world.earmark(&["inspect", "sku", "LATE", "--json"]).await.with(0).json();
    assert!(history.to_string().contains("may be late"), "the journal has it, too: {history}");

    // The word names one event: the other is as late as before, and the one is done.
    world.send(&hours_ago(48, received("late-2", "LATE", 5))).await;
    world.letters_stand(3).await;
    let again = world.late(&[&["1"][..], &DOES].concat()).await.with(0).json();
    assert_eq!(again["events"][0]["came"]["result"], "repeated", "{again}");
    assert_eq!(world.ask(&late).await["repeated"], json!(true));
    assert_eq!(world.total("LATE").await[0], 4);
}

#[tokio::test]
async fn what_may_have_taken_effect_before_is_not_let_through() {
    let world = World::start().await;
    let _pod = world.pod_with(&[HEARS[0], HEARS[1], FEW_IDS]).await;
    let taken = hours_ago(23, received("taken", "BUSY", 1_000));
    world.ask(&taken).await;
    let many: Vec<Value> = (0..100).map(|n| received(&format!("n-{n}"), "BUSY", 1)).collect();
    world.send_all(&many).await;
    // The one repeats what was decided and is just forgotten, the other is new; the SKU cannot tell.
    world.send(&taken).await;
    world.send(&hours_ago(23, received("new", "BUSY", 1_000))).await;
    world.letters_stand(2).await;
    for (letter, why) in [("1", "it took effect at"), ("2", "it forgot ids before their time")] {
        let dry = world.late(&[letter, "--allow-stale"]).await.with(0).json();
        assert!(held_back(&dry).contains(why), "{dry}");
        let told = world.late(&[&[letter][..], &DOES].concat()).await.with(1).json();
        assert_eq!(told["events"][0]["came"]["result"], "skipped", "{told}");
    }
    assert_eq!(world.total("BUSY").await[0], 1_100);
    assert_eq!(world.audited("earmark.audit.allow-stale").await, Vec::<Value>::new());

    // Whoever asks the pods himself is told what is missing.
    let client = world.context.client();
    let ask = async |request: Value| -> Value {
        let bytes = request.to_string().into();
        let answer = client.request("earmark.control.allow-stale", bytes).await;
        serde_json::from_slice(&answer.expect("a pod answers").payload).expect("JSON")
    };
    let anonymous = json!({"sku": "BUSY", "source": "/test", "id": "new", "reason": "x"});
    assert_eq!(ask(anonymous).await["field"], "by");
    let nothing = json!({"sku": "BUSY", "source": "/test", "by": "ann", "reason": "x"});
    assert_eq!(ask(nothing).await["field"], "id");
    // The word does not stand against what the SKU has forgotten.
    let word = json!({
        "sku": "BUSY", "source": "/test", "id": "taken", "by": "ann", "reason": "a mistake",
    });
    assert_eq!(ask(word).await["allowed"]["id"], "taken");
    wait_until("the journal has the word", BOUND, async || {
        let history = world.earmark(&["inspect", "sku", "BUSY", "--json"]).await.with(0).json();
        history.to_string().contains("may be late")
    })
    .await;
    assert_eq!(world.ask(&taken).await["reason"], "stale");
    assert_eq!(world.total("BUSY").await[0], 1_100);
}
