//! The archive: records that left the journal's stream, in a folder or an object store.
//!
//! ```text
//! <archive>/<shard>/<journal id>/<first>-<last>.json         one entry of the manifest
//! <archive>/<shard>/<journal id>/<first>-<last>.records.gz   its segment (`segment`)
//! <archive>/<shard>/<journal id>/snapshot-<sequence>.gz      the snapshot that a cut was behind
//! ```
//! Entries may overlap: two processes that both believed to lead can have written different ones. Each is
//! correct, because the records of a journal never change.
use crate::archive_store::Store;
use crate::fault::Fault;
use crate::segment::{self, SegmentEntry};
use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::Compression;
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::sync::Mutex;

const ENTRY: &str = ".json";
const RECORDS: &str = ".records.gz";
const SNAPSHOT: &str = "snapshot-";
/// Entries that a reader keeps before it lists the archive again.
struct Cached {
    entries: Vec<SegmentEntry>,
    segment: Option<(SegmentEntry, Vec<Bytes>)>,
}

#[derive(Clone)]
pub struct Archive {
    store: Arc<Store>,
    folder: String,
    cached: Arc<Mutex<Cached>>,
}

fn unreadable(error: String) -> Fault {
    Fault::Archive(error)
}

async fn compute<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Fault::Archive(error.to_string()))?
        .map_err(unreadable)
}

impl Archive {
    /// `url` is a folder or `s3://bucket/prefix`. Nothing is read or written.
    pub fn open(url: &str, shard: &str, journal_id: &str) -> Result<Archive, Fault> {
        Ok(Archive {
            store: Arc::new(Store::open(url).map_err(Fault::Halt)?),
            folder: format!("{shard}/{journal_id}"),
            cached: Arc::new(Mutex::new(Cached {
                entries: Vec::new(),
                segment: None,
            })),
        })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// The manifest: all entries, by first record.
    pub async fn entries(&self) -> Result<Vec<SegmentEntry>, Fault> {
        let mut entries = Vec::new();
        for name in self.names().await? {
            let Some(stem) = name.strip_suffix(ENTRY) else { continue };
            let bytes = self.store.get(&self.path(&name)).await.map_err(unreadable)?;
            // An entry that another process deletes at the moment is not needed.
            let Some(bytes) = bytes else { continue };
            let entry = SegmentEntry::from_json(&bytes).filter(|entry| entry.name() == stem);
            entries.push(entry.ok_or_else(|| unreadable(format!("the entry {name} of the manifest cannot be read")))?);
        }
        entries.sort_by_key(|entry| (entry.first, entry.last));
        Ok(entries)
    }

    async fn names(&self) -> Result<Vec<String>, Fault> {
        self.store.list(&self.folder).await.map_err(unreadable)
    }

    /// The last record of the longest run of records from `first` on that the entries have.
    pub fn covered(entries: &[SegmentEntry], first: u64) -> u64 {
        let mut next = first;
        for entry in entries {
            if entry.first <= next && entry.last >= next {
                next = entry.last + 1;
            }
        }
        next - 1
    }

    /// Stores records `first..`: the segment, then its entry, and reads both back.
    pub async fn store_segment(&self, first: u64, records: Vec<Bytes>) -> Result<SegmentEntry, Fault> {
        let (entry, file) = compute(move || segment::encode(first, &records)).await?;
        let name = self.path(&entry.name());
        self.store
            .put(&format!("{name}{RECORDS}"), file)
            .await
            .map_err(unreadable)?;
        crate::crash::point("archive_segment_stored");
        self.read_segment(&entry).await?;
        self.store
            .put(&format!("{name}{ENTRY}"), entry.to_json())
            .await
            .map_err(unreadable)?;
        crate::crash::point("archive_entry_stored");
        Ok(entry)
    }

    /// The checked records of a segment.
    pub async fn read_segment(&self, entry: &SegmentEntry) -> Result<Vec<Bytes>, Fault> {
        let name = format!("{}{RECORDS}", self.path(&entry.name()));
        let file = self.store.get(&name).await.map_err(unreadable)?;
        let file = file.ok_or_else(|| unreadable(format!("the archive lacks the file {name}")))?;
        let entry = entry.clone();
        compute(move || segment::decode(&entry, &file)).await
    }

    /// Record `sequence`; `None` if the archive does not have it. Keeps the segment for the next records.
    pub async fn record(&self, sequence: u64) -> Result<Option<Bytes>, Fault> {
        let mut cached = self.cached.lock().await;
        let in_entry = |entry: &SegmentEntry| (entry.first..=entry.last).contains(&sequence);
        if !cached.segment.as_ref().is_some_and(|(entry, _)| in_entry(entry)) {
            if !cached.entries.iter().any(in_entry) {
                cached.entries = self.entries().await?;
            }
            let Some(entry) = cached.entries.iter().rev().find(|entry| in_entry(entry)).cloned() else {
                return Ok(None);
            };
            let records = self.read_segment(&entry).await?;
            cached.segment = Some((entry, records));
        }
        let found = cached.segment.as_ref();
        Ok(found.map(|(entry, records)| records[(sequence - entry.first) as usize].clone()))
    }

    /// Stores the bytes of a snapshot.
    pub async fn store_snapshot(&self, sequence: u64, bytes: Vec<u8>) -> Result<(), Fault> {
        let file = compute(move || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(4));
            encoder.write_all(&bytes).map_err(|error| error.to_string())?;
            encoder.finish().map_err(|error| error.to_string())
        })
        .await?;
        let name = self.path(&format!("{SNAPSHOT}{sequence:020}.gz"));
        self.store.put(&name, file).await.map_err(unreadable)
    }

    /// Sequences of the stored snapshots, oldest first.
    pub async fn snapshots(&self) -> Result<Vec<u64>, Fault> {
        let sequence = |name: &String| name.strip_prefix(SNAPSHOT)?.strip_suffix(".gz")?.parse().ok();
        let mut found: Vec<u64> = self.names().await?.iter().filter_map(sequence).collect();
        found.sort_unstable();
        Ok(found)
    }

    pub async fn snapshot(&self, sequence: u64) -> Result<Vec<u8>, Fault> {
        let name = self.path(&format!("{SNAPSHOT}{sequence:020}.gz"));
        let file = self.store.get(&name).await.map_err(unreadable)?;
        let file = file.ok_or_else(|| unreadable(format!("the archive lacks the file {name}")))?;
        compute(move || {
            let mut bytes = Vec::new();
            let read = GzDecoder::new(&file[..]).read_to_end(&mut bytes);
            read.map_err(|error| format!("a snapshot of the archive cannot be decompressed: {error}"))?;
            Ok(bytes)
        })
        .await
    }

    /// Deletes the oldest segments while the archive is larger than `max_bytes`. What is left begins after a
    /// snapshot of the archive, so that it can be replayed. Returns the number of deleted segments.
    ///
    /// The snapshots go first: a reader that starts from the oldest snapshot finds the records after it at any
    /// moment.
    pub async fn trim(&self, max_bytes: u64) -> Result<usize, Fault> {
        let entries = self.entries().await?;
        let snapshots = self.snapshots().await?;
        let size_after = |first_kept: u64| -> u64 {
            let kept = entries.iter().filter(|entry| entry.last > first_kept);
            kept.map(|entry| entry.file_bytes).sum()
        };
        let mut first_kept = 0;
        for &snapshot in &snapshots {
            if size_after(first_kept) <= max_bytes {
                break;
            }
            first_kept = snapshot;
        }
        for snapshot in snapshots.into_iter().filter(|&snapshot| snapshot < first_kept) {
            let name = self.path(&format!("{SNAPSHOT}{snapshot:020}.gz"));
            self.store.delete(&name).await.map_err(unreadable)?;
        }
        let mut deleted = 0;
        for entry in entries.iter().filter(|entry| entry.last <= first_kept) {
            let name = self.path(&entry.name());
            // The entry first: an entry without its file would be damage.
            for ending in [ENTRY, RECORDS] {
                self.store
                    .delete(&format!("{name}{ending}"))
                    .await
                    .map_err(unreadable)?;
            }
            deleted += 1;
            crate::crash::point("archive_partly_trimmed");
        }
        Ok(deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(first: u64, last: u64) -> SegmentEntry {
        SegmentEntry {
            first,
            last,
            previous_hash: [0; 32],
            last_hash: [0; 32],
            record_bytes: 0,
            file_bytes: 0,
            sha256: String::new(),
        }
    }

    #[test]
    fn entries_that_overlap_cover_one_run() {
        let mut entries = [entry(1, 10), entry(1, 7), entry(8, 20), entry(25, 30)];
        entries.sort_by_key(|entry| (entry.first, entry.last));
        assert_eq!(Archive::covered(&entries, 1), 20);
        assert_eq!(Archive::covered(&entries, 9), 20);
        assert_eq!(Archive::covered(&entries, 21), 20);
        assert_eq!(Archive::covered(&entries, 25), 30);
        assert_eq!(Archive::covered(&[], 5), 4);
    }
}
