//! The HTTP endpoint for metrics and health, small enough to need no HTTP library.
//!
//! One request per connection. Only the path of the request is read.
use crate::log;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Bytes of a request that are read; the path is among the first.
const REQUEST_BYTES: usize = 1024;
/// A connection that takes longer to send its request or to read the response is closed.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);

/// The response to one path.
pub enum Response {
    /// 200, plain text.
    Ok(String),
    /// 503, with the reason.
    Unavailable(String),
    /// 404.
    NotFound,
}

/// Serves `GET <path>` at `address` and never returns. With `off` it serves nothing. If the address cannot
/// be bound, it logs an error and returns.
pub async fn serve(address: String, respond: impl Fn(&str) -> Response + Send + Sync + 'static) {
    if address == "off" {
        return;
    }
    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            log::error(
                "cannot bind the address of metrics and health",
                json!({"address": address, "error": error.to_string()}),
            );
            return;
        }
    };
    let respond = Arc::new(respond);
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let respond = Arc::clone(&respond);
        tokio::spawn(tokio::time::timeout(CONNECTION_TIMEOUT, async move {
            let mut request = [0; REQUEST_BYTES];
            let Ok(length) = socket.read(&mut request).await else {
                return;
            };
            let path = request[..length].split(|&b| b == b' ').nth(1).unwrap_or_default();
            let (status, body) = match respond(&String::from_utf8_lossy(path)) {
                Response::Ok(body) => ("200 OK", body),
                Response::Unavailable(body) => ("503 Service Unavailable", body),
                Response::NotFound => ("404 Not Found", "not found\n".to_owned()),
            };
            let reply = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(reply.as_bytes()).await;
        }));
    }
}
