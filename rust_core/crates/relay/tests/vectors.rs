//! POSTs and dead letters have the bytes that Python reads: `tests/vectors` of the repository.
use async_nats::HeaderMap;
use bytes::Bytes;
use relay::cloud_event::{self, Message, Source};
use relay::dead_letter;
use serde_json::Value;
use std::path::PathBuf;

fn vectors(folder: &str) -> Vec<(String, Value, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../tests/vectors")
        .join(folder);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "json") {
            let vector = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let body = std::fs::read(path.with_extension("batch")).unwrap();
            found.push((path.display().to_string(), vector, body));
        }
    }
    found
}

fn hex(text: &Value) -> Bytes {
    let text = text.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn message(value: &Value) -> Message {
    Message {
        sequence: value["sequence"].as_u64().unwrap(),
        time_ns: value["time_ns"].as_i64().unwrap(),
        subject: value["subject"].as_str().unwrap().to_owned(),
        headers: hex(&value["headers"]),
        data: hex(&value["data"]),
    }
}

fn source(headers: &Value, stream_id: &Value) -> Source {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Source {
        function: text(&headers["ce-cift-function"]),
        stream: text(&headers["ce-stream"]),
        shard: text(&headers["ce-shard"]),
        journal_id: text(&headers["ce-journalid"]),
        created: text(stream_id),
    }
}

fn as_value(headers: &[(String, String)]) -> Value {
    let map: serde_json::Map<String, Value> = headers.iter().map(|(n, v)| (n.clone(), v.clone().into())).collect();
    assert_eq!(map.len(), headers.len(), "a header appears twice");
    Value::Object(map)
}

#[test]
fn batches_are_encoded_as_functions_decode_them() {
    let mut encoded = 0;
    for (name, vector, body) in vectors("cloud_event_batch") {
        if vector.get("error").is_some() {
            continue;
        }
        let messages: Vec<Message> = vector["messages"].as_array().unwrap().iter().map(message).collect();
        let event = cloud_event::batch(&source(&vector["headers"], &vector["stream_id"]), messages.iter());
        assert_eq!(event.body, body, "{name}");
        assert_eq!(as_value(&event.headers), vector["headers"], "{name}");
        assert_eq!(messages.iter().map(Message::size).sum::<usize>(), body.len(), "{name}");
        encoded += 1;
    }
    assert!(encoded >= 3);
}

#[test]
fn a_header_block_has_the_format_of_nats() {
    let (_, vector, _) = vectors("cloud_event_batch")
        .into_iter()
        .find(|(name, ..)| name.contains("events_with_headers"))
        .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", vector["headers"]["traceparent"].as_str().unwrap());
    headers.insert("Nats-Msg-Id", "41:0");
    assert_eq!(
        cloud_event::header_block(Some(&headers)),
        hex(&vector["messages"][0]["headers"])
    );
    assert!(cloud_event::header_block(None).is_empty());
    assert!(cloud_event::header_block(Some(&HeaderMap::new())).is_empty());
}

#[test]
fn dead_letters_are_encoded_and_decoded_as_in_python() {
    let found = vectors("dead_letter");
    assert!(found.len() >= 2);
    for (name, vector, body) in found {
        let event = cloud_event::batch(
            &source(&vector["post"], &vector["stream_id"]),
            [message(&vector["message"])].iter(),
        );
        assert_eq!(event.body, body, "{name}");
        let letter = dead_letter::headers(&event, vector["reason"].as_str().unwrap());
        assert_eq!(as_value(&letter), vector["letter"], "{name}");
        let mut kept = HeaderMap::new();
        for (name, value) in &letter {
            kept.insert(name.as_str(), value.as_str());
        }
        assert_eq!(as_value(&dead_letter::post_headers(&kept)), vector["post"], "{name}");
        let (shard, function) = (
            event.header("ce-shard").unwrap(),
            event.header("ce-cift-function").unwrap(),
        );
        let subject = cift_wire::subject::dead_letter(shard, function);
        assert_eq!(subject, vector["subject"].as_str().unwrap(), "{name}");
    }
}
