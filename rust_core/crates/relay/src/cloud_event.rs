//! A batch of messages as one binary CloudEvent. Pure functions.
//!
//! The body holds the messages one after the other. Each has these fields, with numbers in little-endian:
//! u64 stream sequence · i64 time (ns) · u16 length of the subject · u32 length of the headers · u32 length
//! of the data · subject · headers · data.
//!
//! `cift/platform/cloud_event.py` decodes it. Both sides test against `tests/vectors/cloud_event_batch`.
use bytes::Bytes;
use cift_daemon::trace::{self, Context, TRACEPARENT};

pub const BATCH_TYPE: &str = "markets.cift.batch";
pub const DUE_TYPE: &str = "markets.cift.due";
pub const CONTENT_TYPE: &str = "application/vnd.cift.batch";
/// Bytes of a message before its subject, headers and data.
pub const HEADER_BYTES: usize = 26;

/// A message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub sequence: u64,
    pub time_ns: i64,
    pub subject: String,
    /// The header block in the format of NATS; empty if there are no headers.
    pub headers: Bytes,
    pub data: Bytes,
}

impl Message {
    /// Bytes of the message in a batch.
    pub fn size(&self) -> usize {
        HEADER_BYTES + self.subject.len() + self.headers.len() + self.data.len()
    }
}

/// The stream of the messages and the function that handles them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub function: String,
    pub stream: String,
    pub shard: String,
    /// The id of the journal; empty if the stream is not a journal.
    pub journal_id: String,
    /// Creation time of the stream as NATS reports it. It identifies the stream among streams of the same
    /// name.
    pub created: String,
}

/// Headers (names in lower case) and body of one POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl CloudEvent {
    /// Sets the trace context of the POST.
    pub fn set_trace(&mut self, context: Context) {
        self.headers.retain(|(name, _)| name != TRACEPARENT);
        self.headers.push((TRACEPARENT.to_owned(), context.traceparent()));
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// The batch of these messages; there must be at least one.
pub fn batch<'a>(source: &Source, messages: impl Iterator<Item = &'a Message> + Clone) -> CloudEvent {
    let mut body = Vec::with_capacity(messages.clone().map(Message::size).sum());
    let (mut first, mut last, mut count) = (None, 0, 0u64);
    for message in messages.clone() {
        first.get_or_insert(message.sequence);
        last = message.sequence;
        count += 1;
        put_message(&mut body, message);
    }
    let first = first.expect("a batch has at least one message");
    let id = match source.journal_id.as_str() {
        "" => &source.created,
        id => id,
    };
    let mut headers = vec![
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", format!("{}/{id}/{first}-{last}", source.stream)),
        ("ce-source", format!("/cift/streams/{}", source.stream)),
        ("ce-type", BATCH_TYPE.to_owned()),
        ("ce-cift-function", source.function.clone()),
        ("ce-stream", source.stream.clone()),
        ("ce-shard", source.shard.clone()),
        ("ce-journalid", source.journal_id.clone()),
        ("ce-first", first.to_string()),
        ("ce-last", last.to_string()),
        ("ce-count", count.to_string()),
        ("content-type", CONTENT_TYPE.to_owned()),
    ];
    // HTTP has one context: the first of the first message.
    let listed = messages.clone().next().and_then(|m| header(&m.headers, TRACEPARENT));
    if let Some(first) = listed.as_deref().and_then(|listed| listed.split(',').next()) {
        headers.push((TRACEPARENT, first.to_owned()));
    }
    CloudEvent {
        headers: headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        body: body.into(),
    }
}

/// The call of a timed function. `due` is the due time, RFC 3339 in UTC.
pub fn due(function: &str, due: &str) -> CloudEvent {
    let headers = [
        ("ce-specversion", "1.0".to_owned()),
        ("ce-id", format!("{function}/{due}")),
        ("ce-source", format!("/cift/timers/{function}")),
        ("ce-type", DUE_TYPE.to_owned()),
        ("ce-cift-function", function.to_owned()),
        ("ce-time", due.to_owned()),
    ];
    CloudEvent {
        headers: headers.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        body: Bytes::new(),
    }
}

fn put_message(body: &mut Vec<u8>, message: &Message) {
    let length = |part: usize| u32::try_from(part).expect("a NATS message is smaller than 4 GiB");
    body.extend(message.sequence.to_le_bytes());
    body.extend(message.time_ns.to_le_bytes());
    body.extend(
        u16::try_from(message.subject.len())
            .expect("a subject is shorter than 64 KiB")
            .to_le_bytes(),
    );
    body.extend(length(message.headers.len()).to_le_bytes());
    body.extend(length(message.data.len()).to_le_bytes());
    body.extend(message.subject.as_bytes());
    body.extend(&message.headers);
    body.extend(&message.data);
}

/// The sampled trace contexts of a message.
pub fn traces(message: &Message) -> Vec<Context> {
    match header(&message.headers, TRACEPARENT) {
        Some(listed) => trace::parse_list(&listed).collect(),
        None => Vec::new(),
    }
}

/// A header of a NATS header block; the last one of a name counts.
fn header(block: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(block).ok()?;
    let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines
        .filter(|(n, _)| n.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .last()
        .filter(|value| value.bytes().all(|b| b.is_ascii_graphic()))
}

/// The header block of a message. The names are sorted because the NATS client does not keep their order.
pub fn header_block(headers: Option<&async_nats::HeaderMap>) -> Bytes {
    let Some(headers) = headers.filter(|h| !h.is_empty()) else {
        return Bytes::new();
    };
    let mut lines: Vec<(String, &str)> = headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |v| (name.to_string(), v.as_str())))
        .collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    let mut block = "NATS/1.0\r\n".to_owned();
    for (name, value) in lines {
        block.push_str(&format!("{name}: {value}\r\n"));
    }
    block.push_str("\r\n");
    block.into()
}
