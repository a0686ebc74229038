//! A dead letter: a message that its handler refused as poison, in stream `DLQ`, with all that it takes to post it again.
//! `cift/platform/dead_letter.py` makes and reads the same; both read the vectors of `tests/vectors/dead_letter`. Pure.
//!
//! Its payload and its `ce-…` headers are those of the POST that was refused, a batch of one. Beside them stand the
//! sentence (`cift-reason`) and `Nats-Msg-Id`, so that the same message is put aside once.
use crate::cloud_event::CloudEvent;
use crate::settings::REASON_BYTES_MAX;
use async_nats::HeaderMap;

pub const REASON: &str = "cift-reason";

/// The headers under which JetStream keeps it; `event` is the POST, a batch of one.
pub fn headers(event: &CloudEvent, reason: &str) -> Vec<(String, String)> {
    debug_assert_eq!(event.header("ce-count"), Some("1"));
    let mut headers = event.headers.clone();
    let id = event.header("ce-id").unwrap_or_default();
    let function = event.header("ce-cift-function").unwrap_or_default();
    headers.push((REASON.to_owned(), one_line(reason)));
    headers.push(("Nats-Msg-Id".to_owned(), format!("{function}/{id}")));
    headers
}

/// The headers of the POST from those of the letter.
pub fn post_headers(letter: &HeaderMap) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = letter
        .iter()
        .filter_map(|(name, values)| Some((name.to_string(), values.last()?.as_str().to_owned())))
        .filter(|(name, _)| name.starts_with("ce-") || name == "content-type" || name == "traceparent")
        .collect();
    headers.sort();
    headers
}

/// A sentence as a header may hold it: one line, bounded.
pub fn one_line(sentence: &str) -> String {
    let mut line: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    while line.len() > REASON_BYTES_MAX {
        line.pop();
    }
    line.trim().to_owned()
}
