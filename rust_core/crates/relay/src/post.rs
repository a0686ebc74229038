//! HTTP/1.1 to one function: one connection, kept alive, one request at a time. The only file that knows hyper's client.
//!
//! A connection that was kept and is found closed is no failure of the function: the request goes out once more on a
//! new one. (What was sent twice changes nothing: batches are guarded by their offset.)
use crate::answer::Answer;
use crate::cloud_event::CloudEvent;
use crate::settings::{ANSWER_BYTES_MAX, CONNECT_WITHIN};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

struct Connection {
    send: SendRequest<Full<Bytes>>,
    /// Moves the bytes; ends with this struct.
    driver: JoinHandle<()>,
}
impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// See the module's header.
pub struct Target {
    host: String,
    port: u16,
    authority: String,
    path: String,
    connection: Option<Connection>,
}

enum Fault {
    /// The connection was closed before an answer began.
    Closed(String),
    Other(String),
}

impl Target {
    /// `url`: `http://host[:port]/path`, as the configuration has checked.
    pub fn new(url: &Uri) -> Target {
        let host = url.host().unwrap_or_default();
        Target {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port_u16().unwrap_or(80),
            authority: url.authority().map(|a| a.to_string()).unwrap_or_default(),
            path: url.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
            connection: None,
        }
    }

    /// Posts, and reads the answer, all within `patience`.
    pub async fn post(&mut self, event: &CloudEvent, patience: Duration) -> Answer {
        match tokio::time::timeout(patience, self.post_now(event)).await {
            Ok(answer) => answer,
            Err(_) => {
                self.connection = None;
                Answer::timed_out(format!("no answer within {} s", patience.as_secs_f64()))
            }
        }
    }

    async fn post_now(&mut self, event: &CloudEvent) -> Answer {
        let kept = self.connection.is_some();
        let mut answer = self.try_once(event).await;
        if let (true, Err(Fault::Closed(_))) = (kept, &answer) {
            answer = self.try_once(event).await;
        }
        match answer {
            Ok(answer) => answer,
            Err(Fault::Closed(sentence) | Fault::Other(sentence)) => Answer::failed(sentence),
        }
    }

    async fn try_once(&mut self, event: &CloudEvent) -> Result<Answer, Fault> {
        // Taken out: where this is dropped half-way, so is the connection.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await.map_err(Fault::Other)?,
        };
        let mut request = Request::post(self.path.as_str()).header("host", self.authority.as_str());
        for (name, value) in &event.headers {
            request = request.header(name.as_str(), value.as_bytes());
        }
        let request = request
            .body(Full::new(event.body.clone()))
            .map_err(|error| Fault::Other(format!("no request can be made of it: {error}")))?;
        if let Err(error) = connection.send.ready().await {
            return Err(Fault::Closed(error.to_string()));
        }
        let response = connection.send.send_request(request).await.map_err(|error| {
            let sentence = format!("no answer: {error}");
            if error.is_canceled() || error.is_closed() || error.is_incomplete_message() {
                Fault::Closed(sentence)
            } else {
                Fault::Other(sentence)
            }
        })?;
        let status = response.status().as_u16();
        let keeps = !response
            .headers()
            .get(hyper::header::CONNECTION)
            .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"close"));
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| Fault::Other(format!("{status}, and its body: {error}")))?;
        if keeps {
            self.connection = Some(connection);
        }
        Ok(Answer::read(status, &body.to_bytes()))
    }

    async fn connect(&self) -> Result<Connection, String> {
        let sentence = |error: &dyn std::fmt::Display| format!("cannot connect to {}: {error}", self.authority);
        let stream = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect((self.host.as_str(), self.port)))
            .await
            .map_err(|_| sentence(&format!("nothing within {} s", CONNECT_WITHIN.as_secs())))?
            .map_err(|error| sentence(&error))?;
        stream.set_nodelay(true).map_err(|error| sentence(&error))?;
        let (send, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| sentence(&error))?;
        let driver = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Connection { send, driver })
    }
}
