//! The parts of a request to the door: its headers, its batch, its `replyto`, and the answers that
//! it waits for.

use std::{collections::HashMap, time::Duration};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use earmark::{
    config::{self, checked},
    http::{
        answers::{Answers, Late},
        batch,
        replyto::{added_bytes, with_reply_to},
        request::{Form, Wait},
    },
};

const ANSWER: Bytes = Bytes::from_static(b"{}");

#[tokio::test]
async fn an_answer_goes_to_who_awaits_it_and_nothing_is_left() {
    let answers = Answers::new(2, Duration::from_secs(60));
    let mut ticket = answers.expect("a".to_owned());
    answers.deliver("b", ANSWER);
    answers.deliver("a", ANSWER);
    assert_eq!(ticket.answer().await, Some(ANSWER));
    drop(ticket);
    drop(answers.expect("gone".to_owned()));
    answers.deliver("gone", ANSWER);
    assert_eq!(answers.sizes(), (0, 0));
    assert_eq!(answers.look("a"), None);
}

#[tokio::test(start_paused = true)]
async fn late_answers_are_kept_for_so_long_and_so_many() {
    let answers = Answers::new(2, Duration::from_secs(60));
    for token in ["a", "b", "c"] {
        assert_eq!(answers.expect(token.to_owned()).later(), Ok(token.to_owned()));
    }
    answers.deliver("a", ANSWER);
    answers.deliver("b", ANSWER);
    assert_eq!(answers.look("a"), None);
    assert_eq!(answers.look("b"), Some(Late::Answered(ANSWER)));
    assert_eq!(answers.look("c"), Some(Late::Waiting));
    assert_eq!(answers.sizes(), (0, 2));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(answers.look("b"), None);
    assert_eq!(answers.sizes(), (0, 0));
}

#[tokio::test]
async fn an_answer_that_came_at_the_last_moment_is_not_put_off() {
    let answers = Answers::new(2, Duration::from_secs(60));
    let ticket = answers.expect("a".to_owned());
    answers.deliver("a", ANSWER);
    assert_eq!(ticket.later(), Err(ANSWER));
    assert_eq!(answers.sizes(), (0, 0));
}

#[test]
fn elements_stay_as_they_are_written_and_no_more_are_kept_than_wanted() {
    let split = |text: &'static str| {
        let elements = batch::split(text.as_bytes(), 2).ok()?;
        let first: Vec<&str> = elements.first.iter().map(|raw| raw.get()).collect();
        Some((first, elements.len))
    };
    assert_eq!(split("[]"), Some((vec![], 0)));
    assert_eq!(split(" [ {\"a\": 1.50} , 2 ]\n"), Some((vec!["{\"a\": 1.50}", "2"], 2)));
    assert_eq!(split("[1,2,3,[4],5]"), Some((vec!["1", "2"], 5)));
    for wrong in ["", "{}", "[1,", "[1,2,3", "[1,2,x]", "[1,,2]", "[] []", "null"] {
        assert_eq!(split(wrong), None, "{wrong}");
    }
}

#[test]
fn what_was_sent_stays_as_it_was_sent() {
    let event =
        " \n{ \"id\" : \"a\", \"n\":1.50e+3, \"o\":{\"replyto\":null}, \"é\":\"\\u00e9\"}\n";
    let with = with_reply_to(event, "_INBOX.x.1");
    let expected = event.replacen('{', "{\"replyto\":\"_INBOX.x.1\",", 1);
    assert_eq!(with, expected);
    assert_eq!(with.len(), event.len() + added_bytes("_INBOX.x.1".len()));
}

#[test]
fn a_null_gives_way_however_it_is_spelled() {
    let with = |event| with_reply_to(event, "_INBOX.x.1");
    let expected = "{\"a\":1, \"replyto\" : \"_INBOX.x.1\" }";
    assert_eq!(with("{\"a\":1, \"replyto\" : null }"), expected);
    let expected = "{\"reply\\u0074o\":\"_INBOX.x.1\",\"data\":{\"replyto\":null}}";
    assert_eq!(with("{\"reply\\u0074o\":null,\"data\":{\"replyto\":null}}"), expected);
}

/// How many seconds these values ask for, where any wait is granted.
fn prefer(values: &[&'static str]) -> Option<u64> {
    let settings = config::load_from(None, HashMap::new()).expect("the defaults are good");
    let settings = checked::Http { wait_max: Duration::MAX, ..settings.http };
    let mut headers = HeaderMap::new();
    values.iter().for_each(|value| {
        headers.append("prefer", HeaderValue::from_static(value));
    });
    Wait::of(&headers, &settings).applied_s
}

#[test]
fn a_preference_is_found_among_others() {
    assert_eq!(prefer(&["wait=3"]), Some(3));
    assert_eq!(prefer(&["respond-async, Wait = \"10\"; x=1"]), Some(10));
    assert_eq!(prefer(&["return=minimal", "wait=0, wait=9"]), Some(0));
    assert_eq!(prefer(&["wait=99999999999999999999"]), Some(u64::MAX));
    assert_eq!([prefer(&[]), prefer(&["wait"]), prefer(&["wait=-1"])], [None; 3]);
    assert_eq!([prefer(&["wait=soon"]), prefer(&["wait="])], [None; 2]);
}

fn form(content_type: &'static str) -> Option<Form> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Form::of(&headers).ok()
}

#[test]
fn only_structured_cloud_events_are_taken() {
    assert_eq!(form("application/cloudevents+json; charset=utf-8"), Some(Form::Event));
    assert_eq!(form("Application/CloudEvents-Batch+JSON"), Some(Form::Batch));
    assert_eq!([form("application/json"), form("text/plain"), form("")], [None; 3]);
    assert!(Form::of(&HeaderMap::new()).is_err());
}
