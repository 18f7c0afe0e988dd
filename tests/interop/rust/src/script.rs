//! What the peer is told, as JSON.

use serde::Deserialize;

/// How the server answers a method. The default is success with an empty message.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    #[serde(with = "hex")]
    pub payload: Vec<u8>,
    pub code: i32,
    pub message: String,
    /// Answer only when the method is told another answer.
    pub hold: bool,
    /// Leave the answer to what the generator gives a service without the method.
    pub bare: bool,
}

/// A line to the server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub method: String,
    pub answer: Answer,
}

/// A call that the client makes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub service: String,
    pub method: String,
    #[serde(with = "hex")]
    pub payload: Vec<u8>,
    pub timeout_nano: i64,
    pub metadata: Vec<(String, String)>,
}
