//! A ttrpc peer that shares no code with the package under test: `server SOCKET` or `client SOCKET`.
//! What it is told and what it tells is in tests/support/interop_peer.py.

mod client;
mod script;
mod server;
mod services;

/// Generated from protos/.
mod pb {
    include!(concat!(env!("OUT_DIR"), "/mod.rs"));
}

use std::env;
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server", socket, records] => server::run(socket, records).await,
        ["client", socket] => client::run(socket).await,
        _ => Err("usage: server SOCKET RECORDS | client SOCKET".into()),
    }
}
