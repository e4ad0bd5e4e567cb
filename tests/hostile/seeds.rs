//! What each target begins with: files of the repository, what a tagged version wrote, and what was
//! found before.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use earmark::{
    archive::format::{append, seal},
    domain::{DueClock, ids::EntityKey},
    partition::{Published, effects::effects, record::Record},
    ports::{EntityChange, Position},
};

/// The journal and the snapshots of a short run, as `tests/simulation/formats.rs` froze them.
type Frozen = (Vec<(u64, u16, Vec<u8>)>, Vec<Shelf>);
type Shelf = (u16, Option<Position>, Vec<u8>, Vec<(EntityKey, u64, Vec<(String, Vec<u8>)>)>);

/// Requests of operators.
const REQUESTS: &[&str] = &[
    r#"{"set":"on","level":2,"for_s":1800,"reason":"sale","by":"ann"}"#,
    r#"{"set":"off","for_s":60,"reason":"sale","by":"ann"}"#,
    r#"{"set":"auto","reason":"over","by":"ann"}"#,
    r#"{"set":"status"}"#,
    r#"{"lane":"reporting","for_s":600,"reason":"sale","by":"ann"}"#,
    r#"{"partition":3,"for_s":600,"reason":"sale","by":"ann"}"#,
    r#"{"sku":"MUG","reason":"mended","by":"ann"}"#,
    r#"{"order":"A-1","reason":"mended","by":"ann"}"#,
    r#"{"pod":"pod-1","reason":"update","by":"ann"}"#,
    r#"{"sku":"MUG","source":"/shop","id":"e1","by":"ann","reason":"INC-1"}"#,
    r#"{"set":"announce","name":"sale","skus":["MUG","CUP"],"start":"2026-12-01T08:00:00Z",
        "end":"2026-12-01T12:00:00Z","reason":"sale","by":"ann"}"#,
    r#"{"set":"cancel","name":"sale","reason":"sale","by":"ann"}"#,
];
/// Words of one pod for the others.
const WORDS: &[&str] = &[
    r#"{"pod":"a","session":"1","epoch":3,"phase":"serving","position":[1,7],"level":0}"#,
    r#"{"what":{"lane":"reporting"},"by":"ann","reason":"sale","at":1,"until":2}"#,
    r#"{"number":3,"entity":{"sku":"MUG"},"by":"ann","reason":"mended","at":1}"#,
    r#"{"name":"sale","skus":["MUG"],"start":1,"end":2,"by":"ann","reason":"sale","at":1}"#,
];
const KEYS: &[&str] = &[
    "MUG-12_a~",
    "a%2Eb",
    "%E2%98%95",
    "earmark.p.3.demand.sku",
    "earmark.in.settlement.order.A%2D1",
    "100%25",
];
const QUESTIONS: &[&str] = &[r#"{"sku":"MUG"}"#, r#"{"order":"A-1","more":[1]}"#];
const LETTER: &str = r#"{"id":"1-0-5-0","reason":"invalid_field","rule":"field.range",
"severity":"medium","owner":"publisher","message":"m","field":"data.quantity","found":"-3",
"expected":"a number","action":"correct it","event_source":"/shop","event_id":"e1",
"event_type":"hold.requested.v1","event_subject":"MUG","reply_to":null,"stream":"EARMARK_IN",
"sequence":7,"subject":"earmark.p.0.demand.sku","logged_at":"2026-03-02T09:00:00Z",
"time":"2026-03-02T09:01:00Z","revision":3,"order":{"status":"reserved","payment":"unpaid","units":
{"awaiting":0,"reserved":2,"allocated":0,"shipped":0,"delivered":0,"refused":1,"cancelled":0,
"expired":0}},"payload_base64":"e30="}"#;

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let mut seeds = match target {
        "event" => files("config/contracts/v1", "json"),
        "record" => frozen().0.into_iter().map(|(_, _, record)| record).collect(),
        "commands" => commands(),
        "snapshot" => snapshots(),
        "archive" => archives(),
        "plan" => files("config/load", "toml"),
        "settings" => [files("config", "toml"), files("tests/fixtures/config", "toml")].concat(),
        "dead_letter_table" => files("config", "toml"),
        "scenario" => files("tests/scenarios", "yaml"),
        "control" => texts(REQUESTS),
        "cluster" => texts(WORDS),
        "key" => texts(KEYS),
        "question" => texts(QUESTIONS),
        "letter" => texts(&[LETTER, "data.lines[0].quantity=3"]),
        other => panic!("{other} has no seeds"),
    };
    seeds.extend(files(&format!("tests/hostile/corpus/{target}"), ""));
    seeds
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The files of a folder and those below it that end so, in the order of their names.
fn files(folder: &str, extension: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.expect("a folder can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.to_string_lossy().ends_with(extension) => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    found.into_iter().map(|path| fs::read(path).expect("a file can be read")).collect()
}

fn frozen() -> Frozen {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/v0.1.0/journal.bin");
    let bytes = fs::read(file).expect("the journal is kept");
    postcard::from_bytes(&bytes).expect("it is what was frozen")
}

/// The state of each partition, and some entities as `targets::snapshot` reads them.
fn snapshots() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (_, _, state, entities) in frozen().1 {
        seeds.push(state);
        for (key, _, parts) in entities {
            seeds.push(postcard::to_stdvec(&(key, parts)).expect("parts are bytes"));
        }
    }
    seeds
}

fn commands() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (sequence, _, record) in frozen().0 {
        let record = Record::decode(&record).expect("a record");
        let effects = effects(&record, sequence, &Published::default());
        let groups =
            effects.messages.into_iter().filter(|of| of.subject.starts_with("earmark.cmd"));
        seeds.extend(groups.map(|group| group.payload.to_vec()));
    }
    seeds
}

/// A segment of the entities of each partition, and the manifest of none.
fn archives() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (_, _, _, entities) in frozen().1 {
        let mut segment = Vec::new();
        for (key, folded_to, parts) in entities.into_iter().take(5) {
            let part = |(name, bytes): (String, Vec<u8>)| (name, Some(Bytes::from(bytes)));
            let change = EntityChange {
                key,
                folded_to,
                parts: parts.into_iter().map(part).collect(),
                dues: [(DueClock::Settled, None), (DueClock::Demand, None)],
            };
            segment = append(segment, &change).expect("an entity can be archived");
        }
        seeds.push(seal(&segment));
    }
    seeds
}
