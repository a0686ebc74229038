//! NATS: one connection of the process, healed by its client for ever, and JetStream's API as JSON.
use crate::metrics::Metrics;
use crate::settings::ASK_TIMEOUT;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self, context::Context};
use async_nats::{Client, Event};
use cift_daemon::{log, server::Server};
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// There is no such stream, consumer or message.
const NOT_FOUND: u64 = 404;

#[derive(Clone)]
pub struct Bus {
    pub client: Client,
    context: Context,
    /// Counts the connections: what was asked of a server before is lost with a new one.
    pub connections: watch::Receiver<u64>,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// What it is about does not exist.
    NotFound(String),
    /// JetStream's own words.
    Refused(String),
    /// Nobody answered.
    Silence(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NotFound(text) | Refusal::Refused(text) | Refusal::Silence(text) => f.write_str(text),
        }
    }
}

impl Bus {
    /// The connection, made now or later. An error is a setting that no retry makes good.
    pub async fn open(url: &str, name: &str, metrics: Arc<Metrics>) -> Result<Bus, String> {
        let server = Server::parse(url)?;
        let (sender, connections) = watch::channel(0);
        let client = server
            .options()
            .name(name)
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| Duration::from_millis(50 * attempts.min(20) as u64))
            .connection_timeout(Duration::from_secs(3))
            .request_timeout(Some(ASK_TIMEOUT))
            .read_buffer_capacity(u16::MAX)
            .ping_interval(Duration::from_secs(5))
            .event_callback(move |event| {
                let (sender, metrics) = (sender.clone(), Arc::clone(&metrics));
                async move {
                    match event {
                        Event::Connected => {
                            sender.send_modify(|count| *count += 1);
                            if !metrics.connected(true) {
                                log::info("NATS is there", json!({}));
                            }
                        }
                        Event::Disconnected | Event::Closed => {
                            if metrics.connected(false) {
                                log::warn("NATS is gone: connecting again", json!({}));
                            }
                        }
                        other => log::write(log::Level::Debug, "nats", json!({"event": other.to_string()})),
                    }
                }
            })
            .connect(server.address)
            .await
            .map_err(|error| error.to_string())?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(ASK_TIMEOUT);
        Ok(Bus {
            client,
            context,
            connections,
        })
    }

    /// Asks JetStream's API: `subject` without its prefix.
    pub async fn ask(&self, subject: String, question: Value) -> Result<Value, Refusal> {
        let answer: Result<Value, _> = self.context.request(subject.clone(), &question).await;
        let answer = answer.map_err(|error| Refusal::Silence(format!("JetStream ({subject}): {error}")))?;
        let error = &answer["error"];
        if error.is_null() {
            return Ok(answer);
        }
        let text = format!(
            "JetStream ({subject}): {}",
            error["description"].as_str().unwrap_or("no description")
        );
        Err(match error["code"].as_u64() {
            Some(NOT_FOUND) => Refusal::NotFound(text),
            _ => Refusal::Refused(text),
        })
    }

    /// A message of a stream, where it has it.
    pub async fn message(&self, stream: &str, sequence: u64) -> Result<Option<StreamMessage>, String> {
        let stream = self.context.get_stream_no_info(stream).await;
        let stream = stream.map_err(|error| error.to_string())?;
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Publishes to a stream and waits until it has it.
    pub async fn store(&self, subject: String, headers: &[(String, String)], data: bytes::Bytes) -> Result<(), String> {
        let mut map = async_nats::HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.as_str(), value.as_str());
        }
        let request = async_nats::Request::new()
            .headers(map)
            .payload(data)
            .timeout(Some(ASK_TIMEOUT));
        let reply = self.client.send_request(subject.clone(), request).await;
        let reply = reply.map_err(|error| format!("no stream takes {subject}: {error}"))?;
        let ack: Value = serde_json::from_slice(&reply.payload).unwrap_or_default();
        match ack["error"]["description"].as_str() {
            Some(text) => Err(format!("{subject} is refused: {text}")),
            None if ack["seq"].is_u64() => Ok(()),
            None => Err(format!("{subject}: an unreadable acknowledgement")),
        }
    }
}
