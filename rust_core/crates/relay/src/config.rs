//! The handlers in a configuration file. In a cluster `charts/cift/templates/relay.yaml` writes the file
//! from the declarations of the functions.
use crate::settings::{BATCH_MAX, HANDLERS_MAX, LINGER_MAX};
use hyper::Uri;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// `<domain>.<verb_noun>`.
    pub function: String,
    pub url: Uri,
    /// The Unix socket on which the function listens; `None`: it listens at the host and port of `url`.
    pub socket: Option<PathBuf>,
    /// Timeout of one call to a running function.
    pub timeout: Duration,
    pub trigger: Trigger,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    Stream(StreamTrigger),
    Every(Duration),
}

#[derive(Clone, Debug, PartialEq)]
pub struct StreamTrigger {
    pub stream: String,
    /// The stream is a journal: it has no gaps, and it has an id.
    pub journal: bool,
    pub subject: Option<String>,
    pub batch: usize,
    /// The handler has effects: a message that it rejects as poison becomes a dead letter. A handler
    /// without effects stops at such a message.
    pub effects: bool,
    /// The function keeps its offset in its own store, so the consumer is kept in memory: its
    /// acknowledgements cost no fsync. After a restart of NATS it starts again at the offset.
    pub keeps_offset: bool,
    /// How long a message may wait for others, until the batch is full.
    pub linger: Duration,
}

impl Handler {
    /// The name of its durable consumer.
    pub fn durable(&self) -> &str {
        self.function.rsplit('.').next().unwrap_or(&self.function)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    handlers: Vec<HandlerConfig>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandlerConfig {
    function: String,
    url: String,
    socket: Option<PathBuf>,
    kind: Kind,
    timeout_seconds: f64,
    stream: Option<String>,
    subject: Option<String>,
    batch: Option<usize>,
    #[serde(default)]
    effects: bool,
    #[serde(default)]
    keeps_offset: bool,
    #[serde(default)]
    linger_seconds: f64,
    every_seconds: Option<f64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Journal,
    Stream,
    Every,
}

/// Reads the file. The error names the file and what is wrong.
pub fn read(path: &Path) -> Result<Vec<Handler>, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    parse(&text).map_err(|reason| format!("{name}: {reason}"))
}

pub fn parse(text: &str) -> Result<Vec<Handler>, String> {
    let file: ConfigFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.handlers.len() > HANDLERS_MAX {
        return Err(format!(
            "{} handlers, at most {HANDLERS_MAX} are allowed",
            file.handlers.len()
        ));
    }
    let mut names = HashSet::new();
    let handlers: Vec<Handler> = file.handlers.into_iter().map(handler).collect::<Result<_, _>>()?;
    for handler in &handlers {
        let stream = match &handler.trigger {
            Trigger::Stream(trigger) => trigger.stream.as_str(),
            Trigger::Every(_) => "",
        };
        // Two functions with the same last name would share a consumer.
        if !names.insert((stream, handler.durable())) {
            return Err(format!(
                "{}: a second handler of this stream is named {}",
                handler.function,
                handler.durable()
            ));
        }
    }
    Ok(handlers)
}

fn handler(config: HandlerConfig) -> Result<Handler, String> {
    let invalid = |reason: &str| format!("{}: {reason}", config.function);
    let parts: Vec<&str> = config.function.split('.').collect();
    let is_name = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if parts.len() != 2 || !parts.iter().all(is_name) {
        return Err(format!(
            "{:?} is not the name of a function: expected <domain>.<verb_noun>, for example events.project_orders",
            config.function
        ));
    }
    let expected_url = || invalid(&format!("url must be http://host[:port]/path, got {:?}", config.url));
    let url: Uri = config.url.parse().map_err(|_| expected_url())?;
    if url.scheme_str() != Some("http") || url.host().is_none() {
        return Err(expected_url());
    }
    let timeout = seconds(config.timeout_seconds).ok_or_else(|| invalid("timeout_seconds must be above 0"))?;
    let trigger = if config.kind == Kind::Every {
        let period = config.every_seconds.and_then(seconds);
        Trigger::Every(period.ok_or_else(|| invalid("every_seconds must be above 0"))?)
    } else {
        let batch = config.batch.filter(|batch| (1..=BATCH_MAX).contains(batch));
        let journal = config.kind == Kind::Journal;
        if journal && config.effects {
            return Err(invalid(
                "effects must be false: a handler of the journal must never skip a record",
            ));
        }
        let linger = Duration::try_from_secs_f64(config.linger_seconds).ok();
        let linger = linger
            .filter(|linger| *linger <= LINGER_MAX)
            .ok_or_else(|| invalid(&format!("linger_seconds must be 0 to {}", LINGER_MAX.as_secs())))?;
        if config.keeps_offset && !journal {
            return Err(invalid(
                "keeps_offset must be false: only handlers of the journal have an offset",
            ));
        }
        Trigger::Stream(StreamTrigger {
            stream: config
                .stream
                .clone()
                .filter(|s| !s.is_empty())
                .ok_or_else(|| invalid("stream is missing"))?,
            journal,
            subject: config.subject.clone().filter(|s| !s.is_empty()),
            batch: batch.ok_or_else(|| invalid(&format!("batch must be 1 to {BATCH_MAX}")))?,
            effects: config.effects,
            keeps_offset: config.keeps_offset,
            linger,
        })
    };
    Ok(Handler {
        function: config.function,
        url,
        socket: config.socket,
        timeout,
        trigger,
    })
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok().filter(|d| !d.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = r#"{"handlers": [
      {"function": "events.project_orders", "url": "http://o.ns.svc/", "kind": "journal", "stream": "ORDERS",
       "batch": 500, "effects": false, "timeout_seconds": 60, "keeps_offset": true, "linger_seconds": 0.5,
       "socket": "/run/o.sock"},
      {"function": "notify.send_mail", "url": "http://m:81/", "kind": "stream", "stream": "EVENTS", "batch": 1,
       "subject": "events.*.fill", "effects": true, "timeout_seconds": 0.5},
      {"function": "auth.expire_tokens", "url": "http://e/", "kind": "every", "every_seconds": 0.5, "timeout_seconds": 60}
    ]}"#;

    #[test]
    fn a_file_from_the_chart_is_parsed() {
        let handlers = parse(VALID).unwrap();
        assert_eq!(handlers[0].durable(), "project_orders");
        assert_eq!(handlers[0].socket, Some(PathBuf::from("/run/o.sock")));
        let Trigger::Stream(orders) = &handlers[0].trigger else {
            panic!()
        };
        assert!(orders.keeps_offset && orders.linger == Duration::from_millis(500));
        assert_eq!(handlers[2].trigger, Trigger::Every(Duration::from_millis(500)));
        let Trigger::Stream(mail) = &handlers[1].trigger else {
            panic!()
        };
        assert!(!mail.keeps_offset && mail.linger.is_zero());
        assert!(mail.effects && !mail.journal && mail.subject.as_deref() == Some("events.*.fill"));
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        for (from, to, expected) in [
            ("\"http://o.ns.svc/\"", "\"https://o/\"", "http://host"),
            ("\"http://o.ns.svc/\"", "\"o\"", "http://host"),
            ("events.project_orders", "project_orders", "not the name"),
            ("\"batch\": 500", "\"batch\": 0", "batch must be"),
            ("\"batch\": 500", "\"bach\": 500", "unknown field"),
            ("\"stream\": \"ORDERS\",", "", "stream is missing"),
            ("\"effects\": false", "\"effects\": true", "effects must be false"),
            ("\"every_seconds\": 0.5", "\"every_seconds\": 0", "every_seconds"),
            ("\"timeout_seconds\": 0.5", "\"timeout_seconds\": -1", "timeout_seconds"),
            ("\"effects\": true", "\"linger_seconds\": 21", "linger_seconds"),
            ("\"effects\": true", "\"keeps_offset\": true", "keeps_offset"),
            ("\"kind\": \"every\"", "\"kind\": \"often\"", "unknown variant"),
        ] {
            let error = parse(&VALID.replacen(from, to, 1)).expect_err(to);
            assert!(error.contains(expected), "{to}: {error}");
        }
        let twice = VALID
            .replace("\"EVENTS\"", "\"ORDERS\"")
            .replace("send_mail", "project_orders");
        assert!(parse(&twice).unwrap_err().contains("second handler"));
    }
}
