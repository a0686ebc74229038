//! The journal in JetStream: its stream, the fenced append, reading records.
//!
//! One `Journal` is one connection for one cycle of the service. A broken connection is not restored: the
//! client would then send appends that were still in its buffers. The cycle ends with the connection, and
//! the next cycle opens a new one.
use crate::archive::Archive;
use crate::fault::{nats, Fault};
use crate::settings::{Settings, FANOUT_STREAM_BYTES, READ_AHEAD_RECORDS};
use crate::trace;
use async_nats::header::{HeaderMap, NATS_EXPECTED_LAST_SEQUENCE};
use async_nats::jetstream::{self, context, context::Context, object_store, stream, ErrorCode};
use async_nats::{Client, Event, Request};
use bytes::Bytes;
use cift_daemon::{log, nats_server::NatsServer, trace::Context as TraceContext};
use cift_wire::subject;
use cift_wire::text::uuid_text;
use futures_util::stream::{Stream, StreamExt};
use serde_json::json;
use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;

/// Error codes for a wrong last sequence; they differ between server versions.
const WRONG_LAST_SEQUENCE: [u64; 2] = [10071, 10164];
/// Error codes for a record that was not stored, for example because the stream is full.
const STORE_FAILED: [u64; 2] = [10077, 10047];
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A random id of a journal or an instance.
pub fn random_id() -> u128 {
    let mut bytes = [0; 16];
    if std::fs::File::open("/dev/urandom")
        .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut bytes))
        .is_err()
    {
        let seed = format!("{}:{}", std::process::id(), log::wall_clock_ns());
        bytes.copy_from_slice(&cift_wire::blake3(seed.as_bytes())[..16]);
    }
    // Version 4, variant 1: a valid UUID.
    (u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62)) | (4 << 76) | (2 << 62)
}

/// Connects once. The receiver becomes true when the connection breaks.
pub async fn connect(settings: &Settings, name: &str) -> Result<(Client, watch::Receiver<bool>), Fault> {
    let (broken, watch) = watch::channel(false);
    let server = NatsServer::parse(&settings.daemon.nats_url).map_err(Fault::Halt)?;
    let client = server
        .options()
        .name(name)
        .max_reconnects(1)
        .connection_timeout(Duration::from_secs(3))
        .request_timeout(Some(REQUEST_TIMEOUT))
        .subscription_capacity(settings.queue_requests.max(65_536))
        .read_buffer_capacity(u16::MAX)
        .ping_interval(Duration::from_secs(2))
        .event_callback(move |event| {
            let broken = broken.clone();
            async move {
                match event {
                    Event::Disconnected | Event::Closed => {
                        broken.send_replace(true);
                    }
                    Event::Connected => {}
                    other => log::warn("nats", json!({"event": other.to_string()})),
                }
            }
        })
        .connect(server.address)
        .await
        .map_err(|e| nats("cannot connect")(e.into()))?;
    Ok((client, watch))
}

/// First and last sequence, and size of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The records before it are in the archive.
    pub first: u64,
    pub sequence: u64,
    pub bytes: u64,
}

#[derive(Clone)]
pub struct Journal {
    pub client: Client,
    pub context: Context,
    pub broken: watch::Receiver<bool>,
    /// Identifies this journal: a stream created in its place has another id.
    pub id: String,
    pub archive: Option<Archive>,
    pub(crate) stream: stream::Stream,
    pub subject: String,
}

impl Journal {
    /// Connects, and creates the streams and the bucket if they do not exist.
    pub async fn open(settings: &Settings, name: &str) -> Result<Journal, Fault> {
        let (client, broken) = connect(settings, name).await?;
        let context = jetstream::new(client.clone());
        let stream = journal_stream(&context, settings).await?;
        ensure_updates_stream(&context, &settings.daemon.shard).await?;
        let bucket = subject::snapshots(&settings.daemon.shard);
        if context.get_object_store(&bucket).await.is_err() {
            context
                .create_object_store(object_store::Config {
                    bucket,
                    description: Some("Snapshots of the engine's acknowledged state".into()),
                    num_replicas: settings.journal_replicas,
                    ..Default::default()
                })
                .await
                .map_err(|e| nats("cannot create the bucket of snapshots")(e.into()))?;
        }
        Journal::from_stream(settings, client, context, broken, stream)
    }

    /// Connects to an existing journal. Creates and changes nothing.
    pub async fn open_read_only(settings: &Settings, name: &str) -> Result<Journal, Fault> {
        let (client, broken) = connect(settings, name).await?;
        let context = jetstream::new(client.clone());
        let stream = context
            .get_stream(subject::journal_stream(&settings.daemon.shard))
            .await
            .map_err(|e| nats("cannot open the journal's stream")(e.into()))?;
        Journal::from_stream(settings, client, context, broken, stream)
    }

    fn from_stream(
        settings: &Settings,
        client: Client,
        context: Context,
        broken: watch::Receiver<bool>,
        stream: stream::Stream,
    ) -> Result<Journal, Fault> {
        let id = stream
            .cached_info()
            .config
            .metadata
            .get(subject::JOURNAL_ID_KEY)
            .cloned()
            .unwrap_or_default();
        let archive = match settings.archive.as_str() {
            "" => None,
            url => Some(Archive::open(url, &settings.daemon.shard, &id)?),
        };
        Ok(Journal {
            client,
            context,
            broken,
            id,
            stream,
            archive,
            subject: subject::journal(&settings.daemon.shard),
        })
    }

    /// Queries the leader of the stream for the last sequence and the size.
    pub async fn tail(&self) -> Result<Tail, Fault> {
        let info = self
            .stream
            .get_info()
            .await
            .map_err(|e| nats("cannot read the journal's tail")(e.into()))?;
        Ok(Tail {
            first: info.state.first_sequence,
            sequence: info.state.last_sequence,
            bytes: info.state.bytes,
        })
    }

    /// Removes the records before `sequence` from the stream.
    pub async fn purge_before(&self, sequence: u64) -> Result<(), Fault> {
        let purged = self.stream.purge().sequence(sequence).await;
        purged
            .map(|_| ())
            .map_err(|e| nats("cannot remove records from the journal")(e.into()))
    }

    /// Record `sequence`, from the stream or the archive; `None` if neither has it.
    pub async fn record(&self, sequence: u64) -> Result<Option<Bytes>, Fault> {
        match (self.record_in_stream(sequence).await?, &self.archive) {
            (None, Some(archive)) => archive.record(sequence).await,
            (found, _) => Ok(found),
        }
    }

    /// Record `sequence`; `None` if the stream does not have it.
    async fn record_in_stream(&self, sequence: u64) -> Result<Option<Bytes>, Fault> {
        use stream::{DirectGetErrorKind::NotFound, LastRawMessageErrorKind::NoMessageFound};
        match self.stream.direct_get(sequence).await {
            Ok(message) => return Ok(Some(message.payload)),
            Err(error) if error.kind() == NotFound => {}
            Err(error) => return Err(nats("cannot read the journal")(error.into())),
        }
        // The answer may come from a replica that lags. Only the leader of the stream knows that a record
        // is missing.
        match self.stream.get_raw_message(sequence).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == NoMessageFound => Ok(None),
            Err(error) => Err(nats("cannot read the journal")(error.into())),
        }
    }

    /// Records `from..=to` in order, with read-ahead. A missing record is a [`Fault::Halt`].
    pub fn records(&self, from: u64, to: u64) -> impl Stream<Item = Result<(u64, Bytes), Fault>> + '_ {
        futures_util::stream::iter(from..=to)
            .map(move |sequence| async move {
                match self.record(sequence).await? {
                    Some(record) => Ok((sequence, record)),
                    None => Err(Fault::Halt(format!(
                        "record {sequence} is missing from the journal, which ends at {to}, and from the archive: the \
                         journal was truncated or replaced, or CIFT_ARCHIVE names another archive"
                    ))),
                }
            })
            .buffered(READ_AHEAD_RECORDS)
    }

    /// Appends a record after sequence `expected`. The first poll sends it; the future resolves to the
    /// sequence in the PubAck. `traces` go into the headers of the message, not into the record.
    pub fn append(
        &self,
        record: Bytes,
        expected: u64,
        timeout: Duration,
        traces: &[TraceContext],
    ) -> impl Future<Output = Result<u64, Fault>> + Send + 'static {
        let (client, subject) = (self.client.clone(), self.subject.clone());
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
        trace::append_to(&mut headers, traces);
        async move {
            let request = Request::new().payload(record).headers(headers).timeout(Some(timeout));
            let reply = client
                .send_request(subject, request)
                .await
                .map_err(|e| Fault::AppendInDoubt(e.to_string()))?;
            let ack: serde_json::Value = serde_json::from_slice(&reply.payload)
                .map_err(|e| Fault::AppendInDoubt(format!("cannot read the PubAck: {e}")))?;
            if let Some(error) = ack.get("error") {
                let code = error["err_code"].as_u64().unwrap_or(0);
                let text = error["description"].as_str().unwrap_or("no description").to_owned();
                return Err(match code {
                    code if WRONG_LAST_SEQUENCE.contains(&code) => Fault::LeadershipLost(text),
                    code if STORE_FAILED.contains(&code) && not_stored(&text) => Fault::JournalFull,
                    _ => Fault::AppendInDoubt(format!("{text} ({code})")),
                });
            }
            match ack["seq"].as_u64() {
                Some(sequence) if sequence == expected + 1 => Ok(sequence),
                _ => Err(Fault::AppendInDoubt(format!(
                    "the PubAck has another sequence than {}: {ack}",
                    expected + 1
                ))),
            }
        }
    }
}

/// Is the server's text one for a record that it had no space for, and so did not store?
fn not_stored(text: &str) -> bool {
    ["maximum", "insufficient"].iter().any(|part| text.contains(part))
}

async fn journal_stream(context: &Context, settings: &Settings) -> Result<stream::Stream, Fault> {
    let name = subject::journal_stream(&settings.daemon.shard);
    let max_bytes = i64::try_from(settings.journal_max_bytes).map_err(|_| {
        Fault::Halt(format!(
            "journal_max_bytes {} is above the limit {}",
            settings.journal_max_bytes,
            i64::MAX
        ))
    })?;
    let expected = stream::Config {
        name: name.clone(),
        subjects: vec![subject::journal(&settings.daemon.shard)],
        description: Some(
            "The journal: one record per batch of commands and events. The only writer is matchd, which also removes \
             the records that are in the archive."
                .into(),
        ),
        storage: stream::StorageType::File,
        retention: stream::RetentionPolicy::Limits,
        discard: stream::DiscardPolicy::New,
        num_replicas: settings.journal_replicas,
        max_bytes,
        deny_delete: true,
        allow_direct: true,
        metadata: [(subject::JOURNAL_ID_KEY.to_owned(), uuid_text(random_id()))].into(),
        ..Default::default()
    };
    let stream = match settings.journal_id.as_str() {
        "" => context.get_or_create_stream(expected).await.map_err(|e| {
            Fault::Nats(format!(
                "cannot create or open the journal's stream of {max_bytes} bytes: {e}. If the storage is too small, \
                 free some or set a smaller CIFT_JOURNAL_MAX_BYTES"
            ))
        })?,
        known => known_stream(context, &name, known).await?,
    };
    let config = &stream.cached_info().config;
    let is_journal = config.discard == stream::DiscardPolicy::New
        && config.storage == stream::StorageType::File
        && config.deny_delete
        && config.allow_direct
        && config.metadata.contains_key(subject::JOURNAL_ID_KEY);
    if !is_journal {
        return Err(Fault::Halt(format!(
            "stream {name} is not a journal of matchd. A journal has file storage, discard new, denied delete, \
             direct reads and an id. Another program created the stream: remove it or choose another shard"
        )));
    }
    if config.max_bytes != max_bytes {
        let resized = stream::Config {
            max_bytes,
            ..config.clone()
        };
        context
            .update_stream(resized)
            .await
            .map_err(|e| nats("cannot resize the journal")(e.into()))?;
    }
    Ok(stream)
}

/// The stream with the journal `id`. If it is missing or another journal has its place, a new one would begin without
/// any account, order and position: that is a [`Fault::Halt`].
async fn known_stream(context: &Context, name: &str, id: &str) -> Result<stream::Stream, Fault> {
    let found = match context.get_stream(name).await {
        Ok(stream) => {
            let other = stream
                .cached_info()
                .config
                .metadata
                .get(subject::JOURNAL_ID_KEY)
                .cloned();
            if other.as_deref() == Some(id) {
                return Ok(stream);
            }
            format!("the stream {name} holds the journal {}", other.unwrap_or_default())
        }
        Err(error) => match error.kind() {
            context::GetStreamErrorKind::JetStream(e) if e.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                format!("the stream {name} does not exist")
            }
            _ => return Err(nats("cannot open the journal's stream")(error.into())),
        },
    };
    Err(Fault::Halt(format!(
        "the journal of this exchange is {id}, but {found}. matchd does not begin another journal, because all accounts, \
         orders and positions would be lost. Give NATS its data back, or restore a backup. To begin a new exchange on \
         purpose, remove the id (CIFT_JOURNAL_ID; in a cluster the ConfigMap …-journal)"
    )))
}

/// Creates UPDATES if it does not exist: a bounded memory stream that is rebuilt from the journal.
async fn ensure_updates_stream(context: &Context, shard: &str) -> Result<(), Fault> {
    let config = stream::Config {
        name: subject::updates_stream(shard),
        subjects: vec![subject::updates(shard)],
        description: Some("What each record of the journal changed for clients of the streams.".into()),
        storage: stream::StorageType::Memory,
        discard: stream::DiscardPolicy::Old,
        max_bytes: FANOUT_STREAM_BYTES,
        allow_direct: true,
        ..Default::default()
    };
    context
        .get_or_create_stream(config)
        .await
        .map_err(|e| nats("cannot create the stream of updates")(e.into()))?;
    Ok(())
}
