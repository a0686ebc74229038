//! Spans, exported to an OpenTelemetry collector (OTLP over HTTP).
//!
//! A caller decides whether its request is traced (the flag in W3C's `traceparent`), and each hop follows it.
//! A process without the address of a collector has no [`Tracer`]: it looks at no trace context.
//!
//! [`Tracer::record`] puts a finished span into a bounded queue and never waits: if the collector is slow or
//! gone, spans are lost, not time. A task of its own encodes and posts them in batches.
use crate::log;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{any_value, AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{timeout, timeout_at, Instant};

/// Name of the header. In HTTP it has one context. In NATS it lists those of all traced commands of the
/// message, separated by commas, because not every client reads repeated headers.
pub const TRACEPARENT: &str = "traceparent";
/// Spans that wait for the export; beyond, they are lost.
const QUEUE_SPANS: usize = 8_192;
/// Spans of one POST.
const BATCH_SPANS: usize = 512;
/// How long a span waits for others.
const LINGER: Duration = Duration::from_millis(500);
const POST_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the export of the last spans at a stop.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// A trace and the span in it that is the parent of what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    pub trace: u128,
    pub span: u64,
}

impl Context {
    /// The context of a valid `traceparent` whose sampled flag is set.
    pub fn parse_sampled(text: &str) -> Option<Context> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let valid = hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
        if !valid || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let context = Context {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
        };
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        (sampled && context.trace != 0 && context.span != 0).then_some(context)
    }

    /// The value of a `traceparent` header, with the sampled flag.
    pub fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

/// The sampled contexts of a message's header.
pub fn parse_list(header: &str) -> impl Iterator<Item = Context> + '_ {
    header.split(',').filter_map(|text| Context::parse_sampled(text.trim()))
}

/// The header of a message with these contexts.
pub fn list(contexts: &[Context]) -> String {
    let texts: Vec<String> = contexts.iter().map(Context::traceparent).collect();
    texts.join(",")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal,
    Server,
    Client,
    Producer,
}

/// A finished span. Times in ns since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub context: Context,
    /// Its parent's span; 0: none.
    pub parent: u64,
    pub kind: Kind,
    pub started_ns: i64,
    pub ended_ns: i64,
    pub attributes: Vec<(&'static str, String)>,
    /// Why it failed.
    pub error: Option<String>,
}

enum Item {
    Span(Span),
    Flush(oneshot::Sender<()>),
}

/// Takes the spans of this process. Cheap to clone.
#[derive(Clone)]
pub struct Tracer {
    queue: mpsc::Sender<Item>,
    ids: Arc<AtomicU64>,
}

impl Tracer {
    /// Starts the export to a collector, in the current runtime. `endpoint` is `http://host[:port][/path]`;
    /// spans go to `<endpoint>/v1/traces`. If it is empty, `OTEL_EXPORTER_OTLP_ENDPOINT` counts. `None`: there
    /// is no collector, or its address is not supported, which is logged.
    pub fn start(service: &'static str, endpoint: &str) -> Option<Tracer> {
        let endpoint = match endpoint {
            "" => std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or_default(),
            given => given.to_owned(),
        };
        if endpoint.is_empty() {
            return None;
        }
        let collector = match Collector::parse(&endpoint) {
            Ok(collector) => collector,
            Err(reason) => {
                log::warn("no spans are exported", json!({"endpoint": endpoint, "reason": reason}));
                return None;
            }
        };
        let (queue, items) = mpsc::channel(QUEUE_SPANS);
        tokio::spawn(export(service, collector, items));
        log::info("spans are exported", json!({"endpoint": endpoint}));
        Some(Tracer {
            queue,
            ids: Arc::new(AtomicU64::new(seed())),
        })
    }

    /// A new span id, never 0.
    pub fn new_id(&self) -> u64 {
        // splitmix64: each counter value has another id.
        let mut z = self.ids.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).max(1)
    }

    /// Queues a span for the export. If the queue is full, the span is lost.
    pub fn record(&self, span: Span) {
        let _ = self.queue.try_send(Item::Span(span));
    }

    /// Waits until the spans before it are exported, at most two seconds.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        let _ = timeout(FLUSH_TIMEOUT, async {
            if self.queue.send(Item::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        })
        .await;
    }
}

fn seed() -> u64 {
    let mut bytes = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes));
    match read {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => log::wall_clock_ns() as u64 ^ (u64::from(std::process::id()) << 32),
    }
}

/// Where spans are posted.
struct Collector {
    address: String,
    authority: String,
    path: String,
}

impl Collector {
    fn parse(endpoint: &str) -> Result<Collector, String> {
        let url: Uri = endpoint.trim_end_matches('/').parse().map_err(|e| format!("{e}"))?;
        if url.scheme_str() != Some("http") {
            return Err("only http:// is supported: TLS is the task of a collector beside this process".into());
        }
        let authority = url.authority().ok_or("it has no host")?;
        Ok(Collector {
            address: format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(4318)),
            authority: authority.to_string(),
            path: format!("{}/v1/traces", url.path().trim_end_matches('/')),
        })
    }

    async fn post(&self, body: Vec<u8>) -> Result<(), String> {
        let stream = TcpStream::connect(&self.address).await.map_err(|e| e.to_string())?;
        let (mut send, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| e.to_string())?;
        let driver = tokio::spawn(connection);
        let request = Request::post(self.path.as_str())
            .header("host", &self.authority)
            .header("content-type", "application/x-protobuf")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| e.to_string())?;
        let response = send.send_request(request).await.map_err(|e| e.to_string());
        driver.abort();
        match response?.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the collector answered {status}")),
        }
    }
}

async fn export(service: &'static str, collector: Collector, mut items: mpsc::Receiver<Item>) {
    let mut failing = false;
    let mut open = true;
    while open {
        let (mut spans, mut flushes) = (Vec::new(), Vec::new());
        let mut due = None;
        loop {
            let item = match due {
                None => Ok(items.recv().await),
                Some(at) => timeout_at(at, items.recv()).await,
            };
            match item {
                Ok(Some(Item::Span(span))) => {
                    due.get_or_insert(Instant::now() + LINGER);
                    spans.push(span);
                    if spans.len() >= BATCH_SPANS {
                        break;
                    }
                }
                Ok(Some(Item::Flush(done))) => {
                    flushes.push(done);
                    break;
                }
                Ok(None) => {
                    open = false;
                    break;
                }
                Err(_) => break,
            }
        }
        if !spans.is_empty() {
            let count = spans.len();
            let posted = timeout(POST_TIMEOUT, collector.post(encode(service, spans))).await;
            let problem = match posted {
                Ok(Ok(())) => None,
                Ok(Err(reason)) => Some(reason),
                Err(_) => Some(format!("no response within {} s", POST_TIMEOUT.as_secs())),
            };
            if let Some(reason) = problem.as_ref().filter(|_| !failing) {
                log::warn("spans are lost", json!({"spans": count, "reason": reason}));
            }
            failing = problem.is_some();
        }
        for done in flushes {
            let _ = done.send(());
        }
    }
}

fn text(key: &str, value: String) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value)),
        }),
        ..Default::default()
    }
}

fn encode(service: &str, spans: Vec<Span>) -> Vec<u8> {
    let resource = Resource {
        attributes: vec![
            text("service.name", service.to_owned()),
            text("service.namespace", "cift".to_owned()),
        ],
        ..Default::default()
    };
    let scope = InstrumentationScope {
        name: "cift".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..Default::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![otlp::ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![otlp::ScopeSpans {
                scope: Some(scope),
                spans: spans.into_iter().map(to_otlp).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
    .encode_to_vec()
}

fn to_otlp(span: Span) -> otlp::Span {
    use otlp::span::SpanKind;
    let kind = match span.kind {
        Kind::Internal => SpanKind::Internal,
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Producer => SpanKind::Producer,
    };
    let ns = |time: i64| u64::try_from(time).unwrap_or(0);
    otlp::Span {
        trace_id: span.context.trace.to_be_bytes().to_vec(),
        span_id: span.context.span.to_be_bytes().to_vec(),
        parent_span_id: match span.parent {
            0 => Vec::new(),
            parent => parent.to_be_bytes().to_vec(),
        },
        name: span.name,
        kind: kind as i32,
        start_time_unix_nano: ns(span.started_ns),
        end_time_unix_nano: ns(span.ended_ns.max(span.started_ns)),
        attributes: span
            .attributes
            .into_iter()
            .map(|(key, value)| text(key, value))
            .collect(),
        status: span.error.map(|message| otlp::Status {
            message,
            code: otlp::status::StatusCode::Error as i32,
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn only_a_valid_sampled_traceparent_has_a_context() {
        let context = Context::parse_sampled(SAMPLED).unwrap();
        assert_eq!(context.trace, 0x0af7651916cd43dd8448eb211c80319c);
        assert_eq!(context.span, 0xb7ad6b7169203331);
        assert_eq!(context.traceparent(), SAMPLED);
        // A later version may have more parts and other flags.
        assert!(Context::parse_sampled(&SAMPLED.replacen("00-", "01-", 1).replace("-01", "-03-x")).is_some());
        for wrong in [
            "",
            "00",
            &SAMPLED.replace("-01", "-00"),
            &SAMPLED.replace("-01", "-01-x"),
            &SAMPLED.replacen("00-", "ff-", 1),
            &SAMPLED.replace("b7ad6b7169203331", "0000000000000000"),
            &SAMPLED.replace("0af7651916cd43dd8448eb211c80319c", "00000000000000000000000000000000"),
            &SAMPLED.to_uppercase(),
            &SAMPLED.replace('-', "+"),
        ] {
            assert_eq!(Context::parse_sampled(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_message_lists_the_contexts_of_its_traced_commands() {
        let contexts = [Context { trace: 5, span: 7 }, Context { trace: 6, span: 8 }];
        assert_eq!(parse_list(&list(&contexts)).collect::<Vec<_>>(), contexts);
        assert_eq!(parse_list("").count(), 0);
        assert_eq!(parse_list(&format!("x, {SAMPLED}")).count(), 1);
    }

    #[test]
    fn the_address_of_a_collector_is_http_with_an_optional_path() {
        let collector = Collector::parse("http://collector:4318/").unwrap();
        assert_eq!(
            (collector.address.as_str(), collector.path.as_str()),
            ("collector:4318", "/v1/traces")
        );
        let collector = Collector::parse("http://collector/otlp").unwrap();
        assert_eq!(
            (collector.address.as_str(), collector.path.as_str()),
            ("collector:4318", "/otlp/v1/traces")
        );
        for wrong in ["https://collector:4318", "collector:4318", "http://"] {
            assert!(Collector::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_span_keeps_its_ids_times_and_error_in_otlp() {
        let context = Context::parse_sampled(SAMPLED).unwrap();
        let span = Span {
            name: "match".into(),
            context,
            parent: 7,
            kind: Kind::Server,
            started_ns: 5,
            ended_ns: 9,
            attributes: vec![("cift.order_id", "a".into())],
            error: Some("no_liquidity".into()),
        };
        let request = ExportTraceServiceRequest::decode(encode("matchd", vec![span]).as_slice()).unwrap();
        let resource = &request.resource_spans[0];
        assert_eq!(
            resource.resource.as_ref().unwrap().attributes[0],
            text("service.name", "matchd".into())
        );
        let span = &resource.scope_spans[0].spans[0];
        assert_eq!(span.trace_id, context.trace.to_be_bytes());
        assert_eq!(span.parent_span_id, 7u64.to_be_bytes());
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (5, 9));
        assert_eq!(span.attributes, [text("cift.order_id", "a".into())]);
        assert_eq!(span.status.as_ref().unwrap().message, "no_liquidity");
    }
}
