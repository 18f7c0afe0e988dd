//! The client: makes the calls that it is told, each group of them at once, and prints how they ended.

use std::error::Error;
use std::io::{read_to_string, stdin};

use futures::future::join_all;
use serde_json::{json, Value};
use ttrpc::context;
use ttrpc::r#async::Client;

use crate::pb::agent_ttrpc::AgentServiceClient;
use crate::pb::health_ttrpc::HealthClient;
use crate::script::Call;
use crate::services::{call_agent, call_health};

/// Reads groups of calls from standard input, and prints a line for each call, in order.
pub async fn run(socket: &str) -> Result<(), Box<dyn Error>> {
    let groups: Vec<Vec<Call>> = serde_json::from_str(&read_to_string(stdin())?)?;
    let client = Client::connect(&format!("unix://{socket}")).await?;
    for group in groups {
        let calls = group
            .into_iter()
            .map(|call| tokio::spawn(make(client.clone(), call)));
        for ended in join_all(calls).await {
            println!("{}", ended?);
        }
    }
    Ok(())
}

async fn make(client: Client, call: Call) -> Value {
    let mut context = context::with_timeout(call.timeout_nano);
    for (key, value) in call.metadata {
        context.add(key, value);
    }
    let (method, payload) = (&call.method, &call.payload);
    let ended = match call.service.as_str() {
        "grpc.Health" => call_health(&HealthClient::new(client), method, context, payload).await,
        _ => call_agent(&AgentServiceClient::new(client), method, context, payload).await,
    };
    match ended {
        Ok(answer) => json!({"answer": answer}),
        Err(Failure::Status(code, message)) => json!({"code": code, "message": message}),
        Err(Failure::Other(text)) => json!({"failure": text}),
    }
}

/// Why a call gave no answer.
pub enum Failure {
    Status(i32, String),
    Other(String),
}

impl From<ttrpc::Error> for Failure {
    fn from(error: ttrpc::Error) -> Self {
        match error {
            ttrpc::Error::RpcStatus(status) => Self::Status(status.code.value(), status.message),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<protobuf::Error> for Failure {
    fn from(error: protobuf::Error) -> Self {
        Self::Other(error.to_string())
    }
}
