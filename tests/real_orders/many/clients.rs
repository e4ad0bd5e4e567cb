//! Clients that ask what came of their events, and write down every answer that they hear.
//!
//! One listens at each nats-server, since an answer comes at most once and a server may be away:
//! what two of them hear counts as one.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use tokio::task::JoinSet;

use crate::{checker::answers::Told, harness::NatsServer};

/// Where they listen.
pub const ANSWERS_TO: &str = "_INBOX.clients";

/// The clients.
#[derive(Default)]
pub struct Clients {
    heard: Arc<Mutex<BTreeSet<Told>>>,
    listening: JoinSet<()>,
}

impl Clients {
    /// Clients that listen from now on.
    pub async fn listen(servers: &[NatsServer]) -> Clients {
        let mut clients = Clients::default();
        for server in servers {
            let client = server.client().await;
            let answers = client.subscribe(ANSWERS_TO).await.expect("a client can listen");
            client.flush().await.expect("the server knows of it");
            let heard = clients.heard.clone();
            clients.listening.spawn(answers.for_each(move |answer| {
                let told = serde_json::from_slice::<Told>(&answer.payload);
                let told = told.expect("an answer says of which event it is, and what came of it");
                heard.lock().expect("nobody panics with it").insert(told);
                std::future::ready(())
            }));
        }
        clients
    }

    /// Every answer that they heard, each once.
    pub fn heard(&mut self) -> Vec<Told> {
        assert!(self.listening.try_join_next().is_none(), "a client has ended");
        self.heard.lock().expect("nobody panics with it").iter().cloned().collect()
    }
}
