//! The handlers, as a file names them. In a cluster `charts/cift/templates/relay.yaml` writes it from the doors'
//! declarations.
use crate::settings::{BATCH_MAX, HANDLERS_MAX};
use hyper::Uri;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// `<domain>.<verb_noun>`, as everywhere.
    pub function: String,
    pub url: Uri,
    /// What one call may take once the function is awake.
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
    /// Records without gaps, and an id of its own.
    pub journal: bool,
    pub subject: Option<String>,
    pub batch: usize,
    /// What it refuses as poison is put aside; another handler stops there.
    pub effects: bool,
}

impl Handler {
    /// Its durable consumer.
    pub fn durable(&self) -> &str {
        self.function.rsplit('.').next().unwrap_or(&self.function)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    handlers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    function: String,
    url: String,
    kind: Kind,
    timeout_seconds: f64,
    stream: Option<String>,
    subject: Option<String>,
    batch: Option<usize>,
    #[serde(default)]
    effects: bool,
    every_seconds: Option<f64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Journal,
    Stream,
    Every,
}

/// Reads the file. An error is one sentence.
pub fn read(path: &Path) -> Result<Vec<Handler>, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    parse(&text).map_err(|sentence| format!("{name}: {sentence}"))
}

pub fn parse(text: &str) -> Result<Vec<Handler>, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file.handlers.len() > HANDLERS_MAX {
        return Err(format!("{} handlers, more than {HANDLERS_MAX}", file.handlers.len()));
    }
    let mut names = HashSet::new();
    let handlers: Vec<Handler> = file.handlers.into_iter().map(handler).collect::<Result<_, _>>()?;
    for handler in &handlers {
        let stream = match &handler.trigger {
            Trigger::Stream(trigger) => trigger.stream.as_str(),
            Trigger::Every(_) => "",
        };
        // Two functions of one last name would share a consumer.
        if !names.insert((stream, handler.durable())) {
            return Err(format!("{}: a second handler of this name", handler.function));
        }
    }
    Ok(handlers)
}

fn handler(entry: Entry) -> Result<Handler, String> {
    let wrong = |what: &str| format!("{}: {what}", entry.function);
    let words: Vec<&str> = entry.function.split('.').collect();
    let sound = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if words.len() != 2 || !words.iter().all(sound) {
        return Err(format!(
            "{:?} is not the name of a function: it is like events.project_orders",
            entry.function
        ));
    }
    let url: Uri = entry.url.parse().map_err(|_| wrong("url is none"))?;
    if url.scheme_str() != Some("http") || url.host().is_none() {
        return Err(wrong("url must be http://host[:port]/path"));
    }
    let timeout = seconds(entry.timeout_seconds).ok_or_else(|| wrong("timeout_seconds must be above 0"))?;
    let trigger = if entry.kind == Kind::Every {
        let period = entry.every_seconds.and_then(seconds);
        Trigger::Every(period.ok_or_else(|| wrong("every_seconds must be above 0"))?)
    } else {
        let batch = entry.batch.filter(|batch| (1..=BATCH_MAX).contains(batch));
        let journal = entry.kind == Kind::Journal;
        if journal && entry.effects {
            return Err(wrong(
                "the journal's handlers never skip a record: effects must be false",
            ));
        }
        Trigger::Stream(StreamTrigger {
            stream: entry
                .stream
                .clone()
                .filter(|s| !s.is_empty())
                .ok_or_else(|| wrong("stream is missing"))?,
            journal,
            subject: entry.subject.clone().filter(|s| !s.is_empty()),
            batch: batch.ok_or_else(|| wrong(&format!("batch must be 1 to {BATCH_MAX}")))?,
            effects: entry.effects,
        })
    };
    Ok(Handler {
        function: entry.function,
        url,
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

    const FINE: &str = r#"{"handlers": [
      {"function": "events.project_orders", "url": "http://o.ns.svc/", "kind": "journal", "stream": "ORDERS",
       "batch": 500, "effects": false, "timeout_seconds": 60},
      {"function": "notify.send_mail", "url": "http://m:81/", "kind": "stream", "stream": "EVENTS", "batch": 1,
       "subject": "events.*.fill", "effects": true, "timeout_seconds": 0.5},
      {"function": "auth.expire_tokens", "url": "http://e/", "kind": "every", "every_seconds": 0.5, "timeout_seconds": 60}
    ]}"#;

    #[test]
    fn a_file_as_the_chart_writes_it_is_read() {
        let handlers = parse(FINE).unwrap();
        assert_eq!(handlers[0].durable(), "project_orders");
        assert_eq!(handlers[2].trigger, Trigger::Every(Duration::from_millis(500)));
        let Trigger::Stream(mail) = &handlers[1].trigger else {
            panic!()
        };
        assert!(mail.effects && !mail.journal && mail.subject.as_deref() == Some("events.*.fill"));
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        for (from, to, says) in [
            ("\"http://o.ns.svc/\"", "\"https://o/\"", "http://host"),
            ("\"http://o.ns.svc/\"", "\"o\"", "http://host"),
            ("events.project_orders", "project_orders", "not the name"),
            ("\"batch\": 500", "\"batch\": 0", "batch must be"),
            ("\"batch\": 500", "\"bach\": 500", "unknown field"),
            ("\"stream\": \"ORDERS\",", "", "stream is missing"),
            ("\"effects\": false", "\"effects\": true", "never skip"),
            ("\"every_seconds\": 0.5", "\"every_seconds\": 0", "every_seconds"),
            ("\"timeout_seconds\": 0.5", "\"timeout_seconds\": -1", "timeout_seconds"),
            ("\"kind\": \"every\"", "\"kind\": \"often\"", "unknown variant"),
        ] {
            let said = parse(&FINE.replacen(from, to, 1)).expect_err(to);
            assert!(said.contains(says), "{to}: {said}");
        }
        let twice = FINE
            .replace("\"EVENTS\"", "\"ORDERS\"")
            .replace("send_mail", "project_orders");
        assert!(parse(&twice).unwrap_err().contains("second handler"));
    }
}
