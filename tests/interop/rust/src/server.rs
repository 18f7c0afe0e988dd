//! The server: answers as it is told, and writes down what it was asked.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{stdin, BufRead, Write};
use std::process::exit;
use std::sync::Arc;
use std::thread;

use protobuf::{EnumOrUnknown, MessageDyn, MessageFull};
use serde_json::{json, Value};
use tokio::sync::watch;
use ttrpc::r#async::{Server, TtrpcContext};

use crate::pb::agent_ttrpc::create_agent_service;
use crate::pb::health_ttrpc::create_health;
use crate::script::{Answer, Order};

/// Serves until the end of standard input.
pub async fn run(socket: &str, records: &str) -> Result<(), Box<dyn Error>> {
    let stage = Arc::new(Stage {
        script: watch::channel(HashMap::new()).0,
        records: File::options().append(true).create(true).open(records)?,
    });
    let mut server = Server::new()
        .bind(&format!("unix://{socket}"))?
        .register_service(create_agent_service(stage.clone()))
        .register_service(create_health(stage.clone()));
    server.start().await?;
    thread::spawn(move || stage.obey());
    futures::future::pending().await
}

/// A message as JSON, in protobuf's own mapping.
pub fn json_of(message: &dyn MessageDyn) -> Value {
    let text = protobuf_json_mapping::print_to_string(message).expect("every message has JSON");
    serde_json::from_str(&text).expect("it is JSON")
}

/// What the services share; they stand in `services`.
pub struct Stage {
    script: watch::Sender<HashMap<String, Answer>>,
    records: File,
}

impl Stage {
    pub fn is_bare(&self, method: &str) -> bool {
        self.script.borrow().get(method).is_some_and(|a| a.bare)
    }

    /// Writes a request down, and answers it once its answer isn't held.
    pub async fn answer<Q: MessageFull, A: MessageFull>(
        &self,
        method: &'static str,
        context: &TtrpcContext,
        request: &Q,
    ) -> ttrpc::Result<A> {
        self.record(json!({
            "event": "asked",
            "method": method,
            "request": json_of(request),
            "metadata": context.metadata,
            "timeout_nano": context.timeout_nano,
        }));
        let mut handler = Handler {
            stage: self,
            method,
            ended: false,
        };
        let answer = self.not_held(method).await;
        handler.ended = true;
        if answer.code != 0 {
            let mut status = ttrpc::Status::new();
            status.code = EnumOrUnknown::from_i32(answer.code);
            status.message = answer.message;
            return Err(ttrpc::Error::RpcStatus(status));
        }
        A::parse_from_bytes(&answer.payload).map_err(|e| ttrpc::Error::Others(e.to_string()))
    }

    async fn not_held(&self, method: &str) -> Answer {
        let mut script = self.script.subscribe();
        let found = script
            .wait_for(|script| !script.get(method).is_some_and(|a| a.hold))
            .await
            .expect("the stage holds the sender");
        found.get(method).cloned().unwrap_or_default()
    }

    /// One write for each record: whoever has the answer finds it in the file.
    fn record(&self, event: Value) {
        (&self.records)
            .write_all(format!("{event}\n").as_bytes())
            .expect("the file can be written");
    }

    /// Takes orders from standard input, and says after each that it holds.
    fn obey(&self) {
        println!("ready");
        for line in stdin().lock().lines() {
            let line = line.expect("standard input can be read");
            let Order { method, answer } = serde_json::from_str(&line).unwrap_or_else(|error| {
                eprintln!("no order: {error}");
                exit(2)
            });
            self.script.send_modify(|script| {
                script.insert(method, answer);
            });
            println!("done");
        }
        exit(0)
    }
}

/// Tells when a handler goes before its end.
struct Handler<'a> {
    stage: &'a Stage,
    method: &'static str,
    ended: bool,
}

impl Drop for Handler<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.stage
                .record(json!({"event": "dropped", "method": self.method}));
        }
    }
}
