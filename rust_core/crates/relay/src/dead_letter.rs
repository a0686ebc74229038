//! A dead letter: a message that its handler rejected as poison, stored in stream `DLQ` with everything
//! that is needed to post it again. Pure functions.
//!
//! Its payload and its `ce-…` headers are those of the rejected POST, a batch of one. `cift-reason` holds
//! the reason. `Nats-Msg-Id` makes JetStream store the same message only once.
//!
//! `cift/platform/dead_letter.py` writes and reads the same format. Both sides test against
//! `tests/vectors/dead_letter`.
use crate::cloud_event::CloudEvent;
use crate::settings::REASON_BYTES_MAX;
use async_nats::HeaderMap;

pub const REASON: &str = "cift-reason";

/// The headers of the dead letter. `event` is the rejected POST, a batch of one.
pub fn headers(event: &CloudEvent, reason: &str) -> Vec<(String, String)> {
    debug_assert_eq!(event.header("ce-count"), Some("1"));
    let mut headers = event.headers.clone();
    let id = event.header("ce-id").unwrap_or_default();
    let function = event.header("ce-cift-function").unwrap_or_default();
    headers.push((REASON.to_owned(), one_line(reason)));
    headers.push(("Nats-Msg-Id".to_owned(), format!("{function}/{id}")));
    headers
}

/// The headers of the POST, from the headers of the dead letter.
pub fn post_headers(letter: &HeaderMap) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = letter
        .iter()
        .filter_map(|(name, values)| Some((name.to_string(), values.last()?.as_str().to_owned())))
        .filter(|(name, _)| name.starts_with("ce-") || name == "content-type" || name == "traceparent")
        .collect();
    headers.sort();
    headers
}

/// Makes a reason fit into a header: one line of at most [`REASON_BYTES_MAX`] bytes.
pub fn one_line(reason: &str) -> String {
    let mut line: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    while line.len() > REASON_BYTES_MAX {
        line.pop();
    }
    line.trim().to_owned()
}
