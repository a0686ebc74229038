//! A real relay process with a real nats-server, and HTTP functions whose replies a test chooses and whose
//! POSTs it can read.
#![allow(dead_code)]
use async_nats::jetstream::{self, Context};
use async_nats::Client;
pub use cift_testbed::eventually;
use cift_testbed::{free_port, get, KillOnDrop, Nats};
use serde_json::{json, Value};
use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command as Process;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

/// One received POST.
#[derive(Clone, Debug)]
pub struct Post {
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}
impl Post {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
    /// Sequence, subject, data of each message.
    pub fn messages(&self) -> Vec<(u64, String, Vec<u8>)> {
        let (body, mut at, mut found) = (&self.body, 0, Vec::new());
        while at < body.len() {
            let number = |from: usize, length: usize| {
                let mut bytes = [0; 8];
                bytes[..length].copy_from_slice(&body[from..from + length]);
                u64::from_le_bytes(bytes)
            };
            let (sequence, subject) = (number(at, 8), number(at + 16, 2) as usize);
            let (headers, data) = (number(at + 18, 4) as usize, number(at + 22, 4) as usize);
            let begin = at + 26;
            let text = String::from_utf8(body[begin..begin + subject].to_vec()).unwrap();
            let data_at = begin + subject + headers;
            found.push((sequence, text, body[data_at..data_at + data].to_vec()));
            at = data_at + data;
        }
        found
    }
    pub fn sequences(&self) -> Vec<u64> {
        self.messages().into_iter().map(|m| m.0).collect()
    }
}

/// Status and body of a response.
pub type Reply = (u16, String);
type Respond = dyn Fn(Post) -> Pin<Box<dyn Future<Output = Reply> + Send>> + Send + Sync;

pub fn done() -> Reply {
    (204, String::new())
}
pub fn expected(sequence: u64) -> Reply {
    (409, json!({"code": "expected", "expected": sequence}).to_string())
}
pub fn poison(reason: &str) -> Reply {
    (422, json!({"code": "poison", "message": reason}).to_string())
}

/// An HTTP function.
pub struct Function {
    pub port: u16,
    posts: Arc<Mutex<Vec<Post>>>,
    /// Number of calls that run now, and the largest number that ever ran together.
    concurrent: Arc<Mutex<(usize, usize)>>,
    task: tokio::task::JoinHandle<()>,
}
impl Function {
    pub async fn start<F, R>(respond: F) -> Function
    where
        F: Fn(Post) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        Function::start_at(0, respond).await
    }
    pub async fn start_at<F, R>(port: u16, respond: F) -> Function
    where
        F: Fn(Post) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let respond: Arc<Respond> = Arc::new(move |post| Box::pin(respond(post)));
        let (posts, concurrent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new((0, 0))));
        let (kept, counted) = (Arc::clone(&posts), Arc::clone(&concurrent));
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(
                    socket,
                    Arc::clone(&respond),
                    Arc::clone(&kept),
                    Arc::clone(&counted),
                ));
            }
        });
        Function {
            port,
            posts,
            concurrent,
            task,
        }
    }
    /// A function that listens on a Unix socket.
    pub async fn start_on_socket<F, R>(path: &std::path::Path, respond: F) -> Function
    where
        F: Fn(Post) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        let listener = UnixListener::bind(path).unwrap();
        let respond: Arc<Respond> = Arc::new(move |post| Box::pin(respond(post)));
        let (posts, concurrent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new((0, 0))));
        let (kept, counted) = (Arc::clone(&posts), Arc::clone(&concurrent));
        let task = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(
                    socket,
                    Arc::clone(&respond),
                    Arc::clone(&kept),
                    Arc::clone(&counted),
                ));
            }
        });
        Function {
            port: 0,
            posts,
            concurrent,
            task,
        }
    }
    pub fn posts(&self) -> Vec<Post> {
        self.posts.lock().unwrap().clone()
    }
    pub fn max_concurrent(&self) -> usize {
        self.concurrent.lock().unwrap().1
    }
    pub fn is_idle(&self) -> bool {
        self.concurrent.lock().unwrap().0 == 0
    }
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}
impl Drop for Function {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    respond: Arc<Respond>,
    posts: Arc<Mutex<Vec<Post>>>,
    concurrent: Arc<Mutex<(usize, usize)>>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
        let headers: HashMap<String, String> = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let length: usize = headers.get("content-length").map_or(0, |l| l.parse().unwrap());
        while buffer.len() < head_end + length {
            if socket.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        }
        let body = buffer[head_end..head_end + length].to_vec();
        buffer.drain(..head_end + length);
        let post = Post { headers, body };
        posts.lock().unwrap().push(post.clone());
        {
            let mut count = concurrent.lock().unwrap();
            count.0 += 1;
            count.1 = count.1.max(count.0);
        }
        let (status, text) = respond(post).await;
        concurrent.lock().unwrap().0 -= 1;
        let reply = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        socket.write_all(reply.as_bytes()).await.ok()?;
    }
}

/// A nats-server with its streams, and the relay processes that a test starts.
pub struct Deployment {
    pub nats: Nats,
    pub client: Client,
    pub context: Context,
    relays: u32,
}

pub struct Relay {
    pub process: KillOnDrop,
    pub metrics_port: u16,
    log: PathBuf,
}
impl Relay {
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
    /// Number of lines in its log that contain `text`.
    pub fn log_count(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }
    /// A metric of a function; `None` if it is not reported.
    pub async fn metric(&self, name: &str, function: &str) -> Option<f64> {
        let (_, text) = get(self.metrics_port, "/metrics").await?;
        let begin = format!("{name}{{function=\"{function}\"}} ");
        let line = text.lines().find(|line| line.starts_with(&begin))?;
        line[begin.len()..].parse().ok()
    }
    /// Waits until a metric of a function has an expected value.
    pub async fn metric_is(&self, name: &str, function: &str, expected: impl Fn(f64) -> bool) -> f64 {
        eventually(&format!("{name} of {function}\n{}", self.log()), || async {
            self.metric(name, function).await.filter(|value| expected(*value))
        })
        .await
    }
    pub async fn health(&self) -> Option<(u16, String)> {
        get(self.metrics_port, "/health").await
    }
}

impl Deployment {
    pub async fn new() -> Deployment {
        let nats = Nats::start().await;
        let client = nats.client().await;
        Deployment {
            context: jetstream::new(client.clone()),
            nats,
            client,
            relays: 0,
        }
    }
    pub async fn stream(&self, name: &str, subjects: &str) {
        let config = jetstream::stream::Config {
            name: name.to_owned(),
            subjects: vec![subjects.to_owned()],
            metadata: [("cift-journal-id".to_owned(), "the-journal".to_owned())].into(),
            ..Default::default()
        };
        self.context.create_stream(config).await.unwrap();
    }
    /// Publishes `count` messages with the numbers from `first` as data.
    pub async fn publish(&self, subject: &str, first: usize, count: usize) {
        for number in first..first + count {
            self.publish_bytes(subject, format!("{number}").into_bytes()).await;
        }
    }
    pub async fn publish_bytes(&self, subject: &str, data: Vec<u8>) {
        let ack = self.context.publish(subject.to_owned(), data.into()).await.unwrap();
        ack.await.unwrap();
    }
    /// Starts a relay with these handlers.
    pub fn start_relay(&mut self, handlers: &[Value]) -> Relay {
        self.relays += 1;
        let folder = self.nats.folder.path();
        let config = folder.join(format!("relay-{}.json", self.relays));
        std::fs::write(&config, json!({ "handlers": handlers }).to_string()).unwrap();
        let log = folder.join(format!("relay-{}.log", self.relays));
        let metrics_port = free_port();
        let process = Process::new(env!("CARGO_BIN_EXE_relay"))
            .env("CIFT_RELAY_CONFIG", config)
            .env("CIFT_RELAY_METRICS", format!("127.0.0.1:{metrics_port}"))
            .env("CIFT_RELAY_COLD_START_SECONDS", "1")
            .env("CIFT_NATS_URL", self.nats.url())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .expect("relay starts");
        Relay {
            process: KillOnDrop(process),
            metrics_port,
            log,
        }
    }
    /// JetStream's information about a consumer.
    pub async fn consumer(&self, stream: &str, durable: &str) -> Value {
        let subject = format!("CONSUMER.INFO.{stream}.{durable}");
        self.context.request(subject, &json!({})).await.unwrap()
    }
    /// Waits until the consumer has acknowledged `sequence`.
    pub async fn acknowledged(&self, stream: &str, durable: &str, sequence: u64) {
        eventually("acknowledged", || async {
            let info = self.consumer(stream, durable).await;
            (info["ack_floor"]["stream_seq"].as_u64() == Some(sequence)).then_some(())
        })
        .await;
    }
}

/// A handler of the journal.
pub fn projector(function: &str, url: &str, batch: usize) -> Value {
    json!({"function": function, "url": url, "kind": "journal", "stream": "ORDERS", "batch": batch,
           "effects": false, "timeout_seconds": 20})
}
/// A handler with effects.
pub fn effects(function: &str, url: &str, batch: usize) -> Value {
    json!({"function": function, "url": url, "kind": "stream", "stream": "EVENTS", "batch": batch,
           "effects": true, "timeout_seconds": 20})
}
