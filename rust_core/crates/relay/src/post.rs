//! HTTP/1.1 to one function: one keep-alive connection, one request at a time. No other file uses hyper's
//! client.
//!
//! If a kept connection turns out to be closed, the request is sent again on a new connection: that is not
//! a failure of the function. A request that arrives twice changes nothing, because batches are guarded by
//! their offset.
use crate::cloud_event::CloudEvent;
use crate::response::Response;
use crate::settings::{CONNECT_TIMEOUT, RESPONSE_BYTES_MAX};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;

struct Connection {
    send: SendRequest<Full<Bytes>>,
    /// Drives the connection; aborted when this struct is dropped.
    driver: JoinHandle<()>,
}
impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The address of a function and the connection to it.
pub struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
    socket: Option<PathBuf>,
    connection: Option<Connection>,
}

enum PostError {
    /// The connection was closed before a response started.
    Closed(String),
    Other(String),
}

impl Target {
    /// `url` is `http://host[:port]/path`; the configuration has checked it. With `socket`, the function
    /// listens on that Unix socket, and host and port are not used.
    pub fn new(url: &Uri, socket: Option<PathBuf>) -> Target {
        let host = url.host().unwrap_or_default();
        Target {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(80),
            authority: url.authority().map(|a| a.to_string()).unwrap_or_default(),
            path: url.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
            socket,
            connection: None,
        }
    }

    /// Posts and reads the response, both within `timeout`.
    pub async fn post(&mut self, event: &CloudEvent, timeout: Duration) -> Response {
        match tokio::time::timeout(timeout, self.post_now(event)).await {
            Ok(response) => response,
            Err(_) => {
                self.connection = None;
                Response::timed_out(format!("no response within {} s", timeout.as_secs_f64()))
            }
        }
    }

    async fn post_now(&mut self, event: &CloudEvent) -> Response {
        let kept = self.connection.is_some();
        let mut result = self.try_once(event).await;
        if let (true, Err(PostError::Closed(_))) = (kept, &result) {
            result = self.try_once(event).await;
        }
        match result {
            Ok(response) => response,
            Err(PostError::Closed(reason) | PostError::Other(reason)) => Response::failed(reason),
        }
    }

    async fn try_once(&mut self, event: &CloudEvent) -> Result<Response, PostError> {
        // Taken out of `self`, so that a dropped call also drops the connection.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(PostError::Other)?,
        };
        let mut request = Request::post(self.path.as_str()).header("host", self.authority.as_str());
        for (name, value) in &event.headers {
            request = request.header(name.as_str(), value.as_bytes());
        }
        let request = request
            .body(Full::new(event.body.clone()))
            .map_err(|error| PostError::Other(format!("cannot build the request: {error}")))?;
        if let Err(error) = connection.send.ready().await {
            return Err(PostError::Closed(error.to_string()));
        }
        let response = connection.send.send_request(request).await.map_err(|error| {
            let reason = format!("no response: {error}");
            if error.is_canceled() || error.is_closed() || error.is_incomplete_message() {
                PostError::Closed(reason)
            } else {
                PostError::Other(reason)
            }
        })?;
        let status = response.status().as_u16();
        let keep_alive = !response
            .headers()
            .get(hyper::header::CONNECTION)
            .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"close"));
        let body = Limited::new(response.into_body(), RESPONSE_BYTES_MAX).collect().await;
        let body = body.map_err(|error| PostError::Other(format!("{status}, cannot read the body: {error}")))?;
        if keep_alive {
            self.connection = Some(connection);
        }
        Ok(Response::parse(status, &body.to_bytes()))
    }

    async fn connect(&self) -> Result<Connection, String> {
        let name = match &self.socket {
            Some(path) => path.display().to_string(),
            None => self.authority.clone(),
        };
        let connecting = async {
            match &self.socket {
                Some(path) => handshake(UnixStream::connect(path).await?).await,
                None => {
                    let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
                    stream.set_nodelay(true)?;
                    handshake(stream).await
                }
            }
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connecting).await {
            Ok(connected) => connected.map_err(|error| format!("cannot connect to {name}: {error}")),
            Err(_) => Err(format!(
                "cannot connect to {name}: timeout after {} s",
                CONNECT_TIMEOUT.as_secs()
            )),
        }
    }
}

async fn handshake<S>(stream: S) -> std::io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (send, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    let driver = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(Connection { send, driver })
}
