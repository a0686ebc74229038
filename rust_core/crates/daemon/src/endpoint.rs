//! What a process tells whoever asks: metrics and health, small enough to need no HTTP library.
//!
//! One request a connection, and only its path is read.
use crate::log;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Bytes of a request that are read; the path is among the first.
const REQUEST_BYTES: usize = 1024;
/// Whoever takes longer to say what he wants, or to take the answer, is left.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is said about one path.
pub enum Answer {
    /// 200, plain text.
    Fine(String),
    /// 503, with the sentence that says why.
    Unavailable(String),
    /// 404.
    Unknown,
}

/// Serves `GET <path>` for ever at `address`; `off` serves nothing. An address that cannot be listened at is logged.
pub async fn serve(address: String, answer: impl Fn(&str) -> Answer + Send + Sync + 'static) {
    if address == "off" {
        return;
    }
    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            log::error(
                "no metrics: cannot listen",
                json!({"address": address, "error": error.to_string()}),
            );
            return;
        }
    };
    let answer = Arc::new(answer);
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let answer = Arc::clone(&answer);
        tokio::spawn(tokio::time::timeout(PATIENCE, async move {
            let mut request = [0; REQUEST_BYTES];
            let Ok(length) = socket.read(&mut request).await else {
                return;
            };
            let path = request[..length].split(|&b| b == b' ').nth(1).unwrap_or_default();
            let (status, body) = match answer(&String::from_utf8_lossy(path)) {
                Answer::Fine(body) => ("200 OK", body),
                Answer::Unavailable(body) => ("503 Service Unavailable", body),
                Answer::Unknown => ("404 Not Found", "not found\n".to_owned()),
            };
            let reply = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(reply.as_bytes()).await;
        }));
    }
}
