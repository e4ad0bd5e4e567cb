//! The contract as a document: what anybody who builds against Earmark reads.
//!
//! Promise: all of it is made of the tables that decide, read and write, so that it says what is
//! so; the copy under `config/contracts` is kept equal by a test, and so is what a released version
//! promised.

pub mod advice;
pub mod asked;
pub mod asyncapi;
pub mod compare;
pub mod deprecated;
pub mod lifecycle;
pub mod machine;
pub mod messages;
pub mod released;
pub mod samples;
pub mod schema;

use serde::Serialize;

use self::messages::{Message, messages};
use super::Limits;

/// A generated file.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Where it stands in the folder of contracts.
    pub path: String,
    /// What it says.
    #[serde(skip)]
    pub text: String,
}

/// All generated files, for these bounds.
pub fn files(limits: &Limits) -> Vec<File> {
    let messages = messages(limits);
    let mut files = vec![
        File { path: "lifecycle.md".to_owned(), text: lifecycle::page() },
        File {
            path: "asyncapi.json".to_owned(),
            text: pretty(&asyncapi::document(&messages, limits)),
        },
    ];
    files.extend(
        messages
            .iter()
            .map(|message| File { path: schema_file(message), text: pretty(&message.schema) }),
    );
    files
}

/// Where the schema of a message stands.
pub fn schema_file(message: &Message) -> String {
    format!("schema/{}.json", message.place())
}

/// JSON as it stands in a file.
pub fn pretty(value: &impl Serialize) -> String {
    let text =
        serde_json::to_string_pretty(value).expect("a document of texts and numbers is JSON");
    text + "\n"
}
