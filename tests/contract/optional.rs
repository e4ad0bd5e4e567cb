//! What is wrong with the optional attributes of the envelope.

use earmark::{contract::Rule, domain::refusal::Reason};
use serde_json::json;

use crate::{
    bad_input::is,
    support::{accepted, changed, refused},
};

#[test]
fn answers_go_to_permitted_subjects_only() {
    for bad in [
        "earmark.in.demand.sku.MUG",
        "earmark.journal.3",
        "_INBOX.",
        "_INBOX",
        "_INBOX.a..b",
        "_INBOX.*",
        "_INBOX.>",
        "_INBOX.a b",
        "earmark.replyx.1",
        "",
        &format!("_INBOX.{}", "x".repeat(512)),
    ] {
        let rejection = refused(&changed("hold.requested", "/replyto", json!(bad)));
        is(&rejection, Rule::ReplyTo, "replyto");
        assert_eq!((rejection.reason, rejection.reply_to), (Reason::InvalidReplyto, None));
    }
    accepted(&changed("hold.requested", "/replyto", json!("earmark.reply.shop.1")));
    accepted(&changed("hold.requested", "/replyto", json!(null)));
}

#[test]
fn trace_contexts() {
    for bad in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
    ] {
        let rejection = refused(&changed("hold.requested", "/traceparent", json!(bad)));
        is(&rejection, Rule::TraceParent, "traceparent");
    }
    let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
    accepted(&changed("hold.requested", "/traceparent", json!(later)));
}

#[test]
fn optional_attributes() {
    for good in [json!("7"), json!(7), json!(null)] {
        accepted(&changed("hold.requested", "/sequence", good));
    }
    is(&refused(&changed("hold.requested", "/sequence", json!([]))), Rule::FieldType, "sequence");
    accepted(&changed(
        "hold.requested",
        "/datacontenttype",
        json!("Application/JSON; charset=utf-8"),
    ));
    let xml = refused(&changed("hold.requested", "/datacontenttype", json!("text/json")));
    is(&xml, Rule::ContentType, "datacontenttype");
    let old = refused(&changed("hold.requested", "/specversion", json!("0.3")));
    is(&old, Rule::SpecVersion, "specversion");
}
