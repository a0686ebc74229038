//! NATS: the one connection of the process, which its client restores without end, and JetStream's API as
//! JSON.
use crate::metrics::Metrics;
use crate::settings::REQUEST_TIMEOUT;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self, context::Context};
use async_nats::{Client, Event};
use cift_daemon::{log, nats_server::NatsServer};
use serde_json::{json, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// JetStream's code for a stream, consumer or message that does not exist.
const NOT_FOUND: u64 = 404;

#[derive(Clone)]
pub struct Bus {
    pub client: Client,
    context: Context,
    /// Counts the connections. A new connection loses the requests that were sent over the one before.
    pub connections: watch::Receiver<u64>,
}

/// Why a request to JetStream failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JetStreamError {
    /// The stream, consumer or message does not exist.
    NotFound(String),
    /// JetStream returned another error; the text is its description.
    Rejected(String),
    /// There was no reply, or one that cannot be used.
    NoReply(String),
}

impl std::fmt::Display for JetStreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            JetStreamError::NotFound(text) | JetStreamError::Rejected(text) | JetStreamError::NoReply(text) => {
                f.write_str(text)
            }
        }
    }
}

impl Bus {
    /// Returns at once; the client connects in the background and retries. The error is an invalid setting.
    pub async fn open(url: &str, name: &str, metrics: Arc<Metrics>) -> Result<Bus, String> {
        let server = NatsServer::parse(url)?;
        let (sender, connections) = watch::channel(0);
        let client = server
            .options()
            .name(name)
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| Duration::from_millis(50 * attempts.min(20) as u64))
            .connection_timeout(Duration::from_secs(3))
            .request_timeout(Some(REQUEST_TIMEOUT))
            .read_buffer_capacity(u16::MAX)
            .ping_interval(Duration::from_secs(5))
            .event_callback(move |event| {
                let (sender, metrics) = (sender.clone(), Arc::clone(&metrics));
                async move {
                    match event {
                        Event::Connected => {
                            sender.send_modify(|count| *count += 1);
                            if !metrics.set_connected(true) {
                                log::info("connected to NATS", json!({}));
                            }
                        }
                        Event::Disconnected | Event::Closed => {
                            if metrics.set_connected(false) {
                                log::warn("connection to NATS lost: reconnecting", json!({}));
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
        context.set_timeout(REQUEST_TIMEOUT);
        Ok(Bus {
            client,
            context,
            connections,
        })
    }

    /// Sends a request to JetStream's API. `subject` is without the prefix of the API.
    pub async fn request(&self, subject: String, request: Value) -> Result<Value, JetStreamError> {
        let reply: Result<Value, _> = self.context.request(subject.clone(), &request).await;
        let reply = reply.map_err(|error| JetStreamError::NoReply(format!("JetStream ({subject}): {error}")))?;
        let error = &reply["error"];
        if error.is_null() {
            return Ok(reply);
        }
        let text = format!(
            "JetStream ({subject}): {}",
            error["description"].as_str().unwrap_or("no description")
        );
        Err(match error["code"].as_u64() {
            Some(NOT_FOUND) => JetStreamError::NotFound(text),
            _ => JetStreamError::Rejected(text),
        })
    }

    /// A message of a stream; `None` if the stream does not have it.
    pub async fn message(&self, stream: &str, sequence: u64) -> Result<Option<StreamMessage>, String> {
        let stream = self.context.get_stream_no_info(stream).await;
        let stream = stream.map_err(|error| error.to_string())?;
        match stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Publishes to a stream and waits for the PubAck.
    pub async fn publish_to_stream(
        &self,
        subject: String,
        headers: &[(String, String)],
        data: bytes::Bytes,
    ) -> Result<(), String> {
        let mut map = async_nats::HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.as_str(), value.as_str());
        }
        let request = async_nats::Request::new()
            .headers(map)
            .payload(data)
            .timeout(Some(REQUEST_TIMEOUT));
        let reply = self.client.send_request(subject.clone(), request).await;
        let reply = reply.map_err(|error| format!("no stream acknowledged {subject}: {error}"))?;
        let ack: Value = serde_json::from_slice(&reply.payload).unwrap_or_default();
        match ack["error"]["description"].as_str() {
            Some(text) => Err(format!("the stream rejected {subject}: {text}")),
            None if ack["seq"].is_u64() => Ok(()),
            None => Err(format!("cannot read the PubAck of {subject}")),
        }
    }
}
