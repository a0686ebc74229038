//! Cutting the journal: records behind a verified snapshot move from the stream to the archive.
//!
//! # Steps
//! 1. Choose the cut: the second newest snapshot, so that two snapshots can be restored from the stream alone.
//! 2. Read that snapshot back from its store and restore an engine from it.
//! 3. Store the records up to the cut as segments, and read each back (`archive`, `segment`).
//! 4. Check that the archive has every record up to the cut, and that the cut has the snapshot's hash.
//! 5. Store the snapshot in the archive, so that a trimmed archive can be replayed.
//! 6. Purge the stream up to the cut. The snapshot's own record stays.
//! 7. Delete the oldest segments of an archive that is too large.
//!
//! A crash between two steps loses nothing: each step only adds until 6, and 6 removes what the archive has. The
//! next cut begins where the archive ends.
//!
//! # Consumers
//! A cut does not pass what the slowest durable consumer has acknowledged, until the journal is nearly full.
//! Then trading comes first: the consumer loses records, which an error names, and its read model must be rebuilt
//! (`cift rebuild`).
use crate::archive::Archive;
use crate::crash;
use crate::fault::{nats, Fault};
use crate::journal::Journal;
use crate::segment::SEGMENT_BYTES;
use crate::settings::Settings;
use crate::snapshot::{self, JournalPosition};
use cift_daemon::log;
use cift_engine::Engine;
use cift_wire::blake3;
use futures_util::StreamExt;
use serde_json::json;

/// What a cut did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    pub records: u64,
    pub segments: usize,
    /// First record that the stream still has.
    pub first: u64,
}

/// The slowest durable consumer: its name and the last record before which it has acknowledged everything.
async fn slowest_consumer(journal: &Journal) -> Result<Option<(String, u64)>, Fault> {
    let mut consumers = journal.stream.consumers();
    let mut slowest: Option<(String, u64)> = None;
    while let Some(consumer) = consumers.next().await {
        let info = consumer.map_err(|e| nats("cannot list the journal's consumers")(e.into()))?;
        let durable = info.config.durable_name.is_some();
        let acknowledged = info.ack_floor.stream_sequence;
        if durable && slowest.as_ref().is_none_or(|(_, least)| acknowledged < *least) {
            slowest = Some((info.name, acknowledged));
        }
    }
    Ok(slowest)
}

/// The second newest snapshot that can be restored. Its state is compared with its own bytes.
async fn verified_snapshot(journal: &Journal, shard: &str) -> Result<Option<(JournalPosition, Vec<u8>)>, Fault> {
    let Some(name) = snapshot::names(journal, shard).await?.into_iter().nth(1) else {
        return Ok(None);
    };
    let bytes = snapshot::download(journal, shard, &name).await?;
    let check = move || {
        let (position, state) = snapshot::decode(&bytes).map_err(str::to_owned)?;
        let engine = Engine::restore(state).map_err(|error| error.0.to_owned())?;
        let mut again = Vec::with_capacity(state.len());
        engine.snapshot(&mut again);
        if again == state {
            Ok((position, bytes))
        } else {
            Err("the restored state has other bytes".to_owned())
        }
    };
    match tokio::task::spawn_blocking(check).await {
        Ok(Ok(verified)) => Ok(Some(verified)),
        Ok(Err(problem)) => Err(Fault::Archive(format!("{name} cannot be verified: {problem}"))),
        Err(error) => Err(Fault::Archive(error.to_string())),
    }
}

/// Cuts the journal behind its second newest snapshot. `nearly_full`: neither slow consumers nor a small gain
/// hold it back.
pub async fn cut(journal: &Journal, archive: &Archive, settings: &Settings, nearly_full: bool) -> Result<Cut, Fault> {
    let Some((position, bytes)) = verified_snapshot(journal, &settings.daemon.shard).await? else {
        return Ok(Cut::default());
    };
    let tail = journal.tail().await?;
    let (first, target) = (tail.first, position.sequence);
    let freed = tail.bytes / (tail.sequence + 1 - first).max(1) * target.saturating_sub(first);
    if target <= first || freed < settings.cut_bytes && !nearly_full {
        return Ok(Cut::default());
    }
    if let Some((name, acknowledged)) = slowest_consumer(journal).await? {
        if acknowledged < target && !nearly_full {
            log::warn(
                "a consumer holds the cut of the journal back",
                json!({"consumer": name, "acknowledged": acknowledged, "cut": target}),
            );
            return Ok(Cut::default());
        }
        if acknowledged < target {
            log::error(
                "the journal is nearly full and is cut before a consumer has read it: run cift rebuild for its read model",
                json!({"consumer": name, "acknowledged": acknowledged, "cut": target}),
            );
        }
    }
    let segments = store_records(journal, archive, first, target).await?;
    let entries = archive.entries().await?;
    if Archive::covered(&entries, first) < target {
        return Err(Fault::Archive(format!(
            "the archive lacks records between {first} and {target}: nothing is removed from the journal"
        )));
    }
    let last = archive.record(target).await?;
    if last.map(|record| blake3(&record)) != Some(position.hash) {
        return Err(Fault::Archive(format!(
            "record {target} of the archive has another hash than the snapshot: nothing is removed from the journal"
        )));
    }
    archive.store_snapshot(target, bytes).await?;
    crash::point("before_purge");
    journal.purge_before(target).await?;
    crash::point("after_purge");
    archive.trim(settings.archive_max_bytes).await?;
    Ok(Cut {
        records: target - first,
        segments,
        first: target,
    })
}

/// Stores the records that the archive lacks. Returns the number of new segments.
async fn store_records(journal: &Journal, archive: &Archive, first: u64, last: u64) -> Result<usize, Fault> {
    let begin = Archive::covered(&archive.entries().await?, first) + 1;
    let mut records = std::pin::pin!(journal.records(begin, last));
    let (mut segments, mut start, mut bytes, mut segment) = (0, begin, 0, Vec::new());
    while let Some(record) = records.next().await {
        let (sequence, record) = record?;
        bytes += record.len();
        segment.push(record);
        if bytes >= SEGMENT_BYTES || sequence == last {
            archive.store_segment(start, std::mem::take(&mut segment)).await?;
            (segments, start, bytes) = (segments + 1, sequence + 1, 0);
        }
    }
    Ok(segments)
}
