//! `earmark contracts`: the contract as a document, from the tables that decide, read and write.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::print;
use crate::{
    contract::{
        Limits,
        document::{
            self, advice, asyncapi,
            deprecated::day,
            lifecycle, machine,
            messages::{Message, messages},
            released::Released,
        },
    },
    domain::order::{lines::Place, passage::PASSAGES, status::OrderStatus},
    error::{Exit, Failure},
};

/// Print the contract: what may be said, what it does, what comes of it, and why not.
///
/// Alone it lists every event that is taken and every message that leaves, with its subject. It
/// needs no server. Limits are those of the settings.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark contracts                        # every event and message, with its subject
  earmark contracts lifecycle              # what each event does in each state, and why not
  earmark contracts schema hold.requested  # JSON Schema, with an example
  earmark contracts asyncapi > asyncapi.json
  earmark contracts write config/contracts # all files of the folder that are generated")]
pub struct Contracts {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every machine with its states, events, conditions and refusal codes, in Markdown.
    ///
    /// With diagrams in Mermaid. With --json, the same tables as data.
    #[command(after_help = "\
Example:
  earmark contracts lifecycle > lifecycle.md
  earmark contracts lifecycle --json | jq '.machines[].name'")]
    Lifecycle,
    /// The JSON Schema of an event or a message.
    #[command(after_help = "\
Example:
  earmark contracts schema hold.requested
  earmark contracts schema out/fulfilment.moved   # this one comes in by that name, too")]
    Schema {
        /// Its type as `earmark contracts` lists it; the version, and in/ or out/, may be left out.
        #[arg(value_name = "TYPE")]
        name: String,
    },
    /// The AsyncAPI document: channels, operations, messages.
    ///
    /// It names the schemas as `write` puts them beside it.
    #[command(after_help = "\
Example:
  earmark contracts asyncapi > asyncapi.json")]
    Asyncapi,
    /// Write lifecycle.md, asyncapi.json and schema/ into a directory.
    ///
    /// Files that are there by these names are replaced, others are left alone.
    #[command(after_help = "\
Example:
  earmark contracts write config/contracts")]
    Write {
        /// The directory.
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// What a release promises: the facts that later versions are held to.
    #[command(after_help = "\
Example:
  earmark contracts freeze 0.2.0 --on 2027-01-31 > config/contracts/released/0.2.0.json")]
    Freeze {
        /// The version of Earmark that is released.
        version: String,
        /// The day of the release.
        #[arg(long, value_name = "DATE")]
        on: String,
    },
}

impl Contracts {
    pub(super) fn run(self, limits: &Limits, json: bool) -> Result<ExitCode, Failure> {
        match self.what {
            None => list(&messages(limits), json),
            Some(What::Lifecycle) => tell_lifecycle(json),
            Some(What::Schema { name }) => print::json(&find(&messages(limits), &name)?.schema),
            Some(What::Asyncapi) => print::json(&asyncapi::document(&messages(limits), limits)),
            Some(What::Write { directory }) => write(&directory, limits, json)?,
            Some(What::Freeze { version, on }) => freeze(&version, &on, limits)?,
        }
        Ok(Exit::Done.into())
    }
}

/// A message in a list.
#[derive(Serialize)]
struct Listed<'a> {
    way: document::messages::Way,
    r#type: &'a str,
    subject: Option<&'a str>,
    about: &'a str,
}

fn list(messages: &[Message], json: bool) {
    let listed = messages.iter().map(|message| Listed {
        way: message.way,
        r#type: &message.name,
        subject: message.subject.as_deref(),
        about: message.about,
    });
    if json {
        return print::json(&listed.collect::<Vec<_>>());
    }
    let mut table = print::table(&["way", "type", "subject", "what it says"]);
    for said in listed {
        let subject = said.subject.unwrap_or("whoever asked");
        table.add_row([said.way.as_str(), said.r#type, subject, said.about]);
    }
    print::line(table);
}

fn tell_lifecycle(json: bool) {
    match json {
        true => print::json(&json!({
            "machines": machine::machines(),
            "order_status": machine::words::<OrderStatus>(),
            "units": {"places": machine::words::<Place>(), "ways": PASSAGES},
            "codes": advice::codes(),
        })),
        false => print::page(&lifecycle::page()),
    }
}

/// The message of this name, with or without its direction and its version.
fn find<'a>(messages: &'a [Message], name: &str) -> Result<&'a Message, Failure> {
    let is_it = |message: &&Message| {
        let place = message.place();
        [message.name.as_str(), place.as_str()].into_iter().any(|known| {
            known == name || known.rsplit_once(".v").is_some_and(|(plain, _)| plain == name)
        })
    };
    let mut found = messages.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => {
            let text = format!("{name} is the name of {} and of {}", one.place(), other.place());
            Err(Failure::new(Exit::Usage, text).advise("say which"))
        }
        (None, _) => {
            let plain =
                |message: &'a Message| message.name.rsplit_once(".v").map(|(plain, _)| plain);
            let alike = |known: &&str| strsim::damerau_levenshtein(name, known);
            let near = messages.iter().filter_map(plain).min_by_key(alike);
            let action = match near.filter(|near| alike(near) * 3 <= near.len()) {
                Some(near) => format!("write {near}? `earmark contracts` lists them all"),
                None => "use one that `earmark contracts` lists".to_owned(),
            };
            Err(Failure::new(Exit::Usage, format!("there is no type {name}")).advise(&action))
        }
    }
}

fn write(directory: &Path, limits: &Limits, json: bool) -> Result<(), Failure> {
    let files = document::files(limits);
    for file in &files {
        let path = directory.join(&file.path);
        put(&path, &file.text).map_err(|error| {
            let failure = Failure::new(Exit::Failed, format!("{}: {error}", path.display()));
            failure.advise("name a directory that can be written")
        })?;
    }
    match json {
        true => print::json(&files),
        false => print::line(format!("{} files in {}", files.len(), directory.display())),
    }
    Ok(())
}

fn put(path: &Path, text: &str) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    fs::write(path, text)
}

fn freeze(version: &str, on: &str, limits: &Limits) -> Result<(), Failure> {
    if day(on).is_none() {
        let failure = Failure::new(Exit::Usage, format!("{on:?} is no day"));
        return Err(failure.advise("write it like 2027-01-31"));
    }
    let numbers = version.split('.').filter(|part| part.parse::<u32>().is_ok());
    if numbers.count() != 3 || version.split('.').count() != 3 {
        let failure = Failure::new(Exit::Usage, format!("{version:?} is no version"));
        return Err(failure.advise("write it like 0.2.0"));
    }
    print::page(&Released::of(version, on, &messages(limits)).text());
    Ok(())
}
