//! The settings of every layer, and what is said of wrong ones.

use std::{collections::HashMap, path::Path};

use earmark::{
    config::{Problem, Problems, Settings, checked::Secret, load_from},
    contract::{Limits, Severity},
    domain::{event::Lane, policy::Policy, refusal::Reason},
    nats,
    partition::{Bounds, Published},
    redis,
};

fn environment(of: &[(&str, &str)]) -> HashMap<String, String> {
    of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn load_env(of: &[(&str, &str)]) -> Result<Settings, Problems> {
    load_from(None, environment(of))
}

fn load_text(text: &str) -> Result<Settings, Problems> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    load_from(Some(file.path()), HashMap::new())
}

fn only(problems: Result<Settings, Problems>) -> Problem {
    let Problems(problems) = problems.unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn what_is_documented_is_what_is_built_in() {
    let settings = load_env(&[]).unwrap();
    let same = |a: &dyn std::fmt::Debug, b: &dyn std::fmt::Debug| {
        assert_eq!(format!("{a:#?}"), format!("{b:#?}"));
    };
    same(&settings.nats, &nats::NatsSettings::default());
    same(&settings.redis, &redis::RedisSettings::default());
    same(&settings.streams, &nats::StreamSettings::default());
    same(&settings.reader, &nats::ReaderSettings::default());
    same(&settings.limits, &Limits::default());
    same(&settings.policy, &Policy::default());
    same(&settings.published, &Published::default());
    same(&settings.bounds, &Bounds::default());
}

#[test]
fn every_layer_wins_over_the_one_before() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[nats]\nurl = \"nats://file:1\"\n[engine]\narbiters = 3\n")
        .unwrap();
    let load = |of: &[(&str, &str)]| load_from(Some(file.path()), environment(of)).unwrap();
    assert_eq!(load(&[]).nats.url, "nats://file:1");
    assert_eq!(load(&[]).engine.arbiters, 3);
    let short = ("EARMARK_NATS_URL", "nats://short:1");
    assert_eq!(load(&[short]).nats.url, "nats://short:1");
    let long = ("EARMARK__NATS__URL", "nats://long:1");
    assert_eq!(load(&[short, long]).nats.url, "nats://long:1");
    assert_eq!(load(&[("EARMARK__ENGINE__ARBITERS", "5")]).engine.arbiters, 5);
}

#[test]
fn text_that_looks_like_a_number_stays_text_and_lists_are_split() {
    let settings = load_env(&[
        ("EARMARK__ENGINE__POD", "7"),
        ("EARMARK__CONTRACT__REPLY_PREFIXES", "_INBOX.,shop."),
    ]);
    let settings = settings.unwrap();
    assert_eq!(settings.engine.pod.as_deref(), Some("7"));
    assert_eq!(settings.limits.reply_prefixes, ["_INBOX.", "shop."]);
}

#[test]
fn what_is_left_out_is_named_by_known_kinds() {
    let settings = load_env(&[
        ("EARMARK__OUTCOMES__LEFT_OUT", "hold.granted,hold.rejected"),
        ("EARMARK__OUTCOMES__AVAILABILITY", "false"),
    ]);
    let published = settings.unwrap().published;
    assert!(published.left_out.iter().eq(["hold.granted", "hold.rejected"]), "{published:?}");
    assert!(!published.availability);
    let problem = only(load_text("[outcomes]\nleft_out = [\"hold.grant\"]\n"));
    assert_eq!(
        (problem.key.as_str(), problem.found.as_str()),
        ("outcomes.left_out", "\"hold.grant\"")
    );
    assert!(problem.expected.contains("hold.granted"), "{problem}");
}

#[test]
fn a_catalogue_of_dead_letters_is_laid_over_the_built_in_one_and_checked() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let load = || load_env(&[("EARMARK__DEAD_LETTERS__CATALOGUE", path)]);
    std::fs::write(path, "[[rows]]\nreason = \"stale\"\nowner = \"imports\"\n").unwrap();
    let catalogue = load().unwrap().published.catalogue;
    let stale = catalogue.handling(Reason::Stale, Some("hold.requested.v1"), Lane::Demand);
    assert_eq!((stale.owner, stale.severity), ("imports", Severity::Medium));
    std::fs::write(path, "[[rows]]\nreason = \"stale\"\nseverity = \"loud\"\n").unwrap();
    let problem = only(load());
    let row = "dead_letters.catalogue: row 1 (reason stale, type *, lane *): severity";
    assert_eq!((problem.key.as_str(), problem.found.as_str()), (row, "\"loud\""));
    assert_eq!(problem.expected, "page, high, medium, low");
    assert_eq!(problem.action, format!("correct it in {path}"));
    let missing = only(load_env(&[("EARMARK__DEAD_LETTERS__CATALOGUE", "/nowhere.toml")]));
    assert_eq!(missing.key, "dead_letters.catalogue");
}

#[test]
fn a_wrong_key_fails_and_is_named() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/config/wrong_key.toml");
    let problem = only(load_from(Some(Path::new(fixture)), HashMap::new()));
    assert_eq!(problem.key, "engine.arbiterz");
    assert_eq!(problem.found, "a key that does not exist");
    assert!(problem.expected.contains("arbiters"), "{problem}");
    assert_eq!(only(load_env(&[("EARMARK__NATS__URLL", "x")])).key, "nats.urll");
    assert_eq!(only(load_env(&[("EARMARK__NOWHERE__X", "1")])).key, "nowhere");
}

#[test]
fn a_wrong_type_is_named_with_what_was_found() {
    let problem = only(load_text("[engine]\narbiters = \"many\"\n"));
    assert_eq!(problem.key, "engine.arbiters");
    assert!(problem.found.contains("many"), "{problem}");
    assert_eq!(only(load_text("[engine]\narbiters = -1\n")).key, "engine.arbiters");
    assert_eq!(only(load_env(&[("EARMARK__HTTP__LISTEN", "here")])).key, "http.listen");
    assert_eq!(only(load_text("not toml")).key, "--config");
    assert_eq!(only(load_from(Some(Path::new("/nowhere.toml")), HashMap::new())).key, "--config");
}

#[test]
fn ranges_and_relations_are_held_and_all_problems_are_named_at_once() {
    let Problems(problems) = load_text(
        "[streams]\npartitions = 0\nreplicas = 2\n[policy]\nhold_ttl_s = 99\nhold_ttl_max_s = 9\n",
    )
    .unwrap_err();
    let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["streams.partitions", "policy.hold_ttl_s", "streams.replicas"]);
    let text = Problems(problems).to_string();
    assert!(text.contains("found 0, expected a number from 1 to 1024"), "{text}");
    assert!(text.contains("EARMARK__STREAMS__PARTITIONS"), "{text}");
    assert_eq!(only(load_text("[log]\nformat = \"xml\"\n")).key, "log.format");
    let ours = "[contract]\nreply_prefixes = [\"earmark.in.\"]\n";
    assert_eq!(only(load_text(ours)).key, "contract.reply_prefixes");
}

#[test]
fn a_token_is_never_shown_and_taken_as_it_is_written() {
    let token = |text| load_env(&[("EARMARK__HTTP__TOKEN", text)]);
    let settings = token("0123456789e01234").unwrap();
    assert!(settings.http.token.as_ref().unwrap().is(b"0123456789e01234"));
    assert!(!format!("{settings:?}").contains("0123456789"));
    assert!(load_env(&[]).unwrap().http.token.is_none());
    for wrong in
        ["short-secret", "a token with spaces in it", "gr\u{fc}n-gr\u{fc}n-gr\u{fc}n-gr\u{fc}n"]
    {
        let problem = only(token(wrong));
        assert_eq!(problem.key, "http.token");
        assert!(!problem.to_string().contains(wrong), "{problem}");
    }
    let problem = only(load_text("[http]\ntoken = [\"hush-hush-hush-hush\"]\n"));
    assert_eq!(problem.key, "http.token");
    assert!(!problem.to_string().contains("hush"), "{problem}");
}

#[test]
fn answers_to_what_is_posted_must_be_permitted() {
    let prefixes = ("EARMARK__CONTRACT__REPLY_PREFIXES", "shop.");
    let token = ("EARMARK__HTTP__TOKEN", "0123456789abcdef");
    assert!(load_env(&[prefixes]).is_ok());
    assert_eq!(only(load_env(&[prefixes, token])).key, "contract.reply_prefixes");
    let inbox = ("EARMARK__NATS__INBOX_PREFIX", "shop");
    assert!(load_env(&[prefixes, token, inbox]).is_ok());
    let problem = only(load_env(&[inbox]));
    assert!(problem.expected.contains("\"shop.\""), "{problem}");
}

#[test]
fn a_secret_is_recognised_and_never_shown() {
    let secret = Secret::new("correct horse");
    assert!(secret.is(b"correct horse"));
    assert!(!secret.is(b"correct horsf") && !secret.is(b"") && !secret.is(b"correct"));
    assert_eq!(format!("{secret:?}"), "a secret");
}
