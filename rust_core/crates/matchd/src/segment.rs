//! A segment of the archive: consecutive records of the journal in one compressed file, and the entry of the
//! manifest that describes it.
//!
//! The file is gzip over, for each record, its sequence and length (8 and 4 bytes, little-endian) and its bytes.
//! The entry is a small JSON file of its own. Entries and files are never changed, and their names hold the
//! sequences, so two writers cannot damage each other's work.
use bytes::Bytes;
use cift_wire::{blake3, Record, RecordHash};
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::Compression;
use serde_json::{json, Value};
use std::io::{Read, Write};

/// Bytes of records in one segment; the last record may go beyond.
pub const SEGMENT_BYTES: usize = 64 * 1024 * 1024;
/// A file that decompresses to more than this is not a segment.
const SEGMENT_BYTES_MAX: u64 = SEGMENT_BYTES as u64 + 64 * 1024 * 1024;
const RECORD_HEADER_BYTES: usize = 12;

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<RecordHash> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

/// One entry of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEntry {
    pub first: u64,
    pub last: u64,
    /// Hash of the record before `first`, which `first` carries, and hash of `last`.
    pub previous_hash: RecordHash,
    pub last_hash: RecordHash,
    /// Bytes of the records.
    pub record_bytes: u64,
    pub file_bytes: u64,
    /// SHA-256 of the file, as `sha256sum` prints it.
    pub sha256: String,
}

impl SegmentEntry {
    /// Name without the ending.
    pub fn name(&self) -> String {
        format!("{:020}-{:020}", self.first, self.last)
    }

    pub fn to_json(&self) -> Vec<u8> {
        json!({
            "first": self.first,
            "last": self.last,
            "previous_hash": hex(&self.previous_hash),
            "last_hash": hex(&self.last_hash),
            "record_bytes": self.record_bytes,
            "file": format!("{}.records.gz", self.name()),
            "file_bytes": self.file_bytes,
            "sha256": self.sha256,
        })
        .to_string()
        .into_bytes()
    }

    pub fn from_json(bytes: &[u8]) -> Option<SegmentEntry> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        Some(SegmentEntry {
            first: value["first"].as_u64()?,
            last: value["last"].as_u64()?,
            previous_hash: unhex(value["previous_hash"].as_str()?)?,
            last_hash: unhex(value["last_hash"].as_str()?)?,
            record_bytes: value["record_bytes"].as_u64()?,
            file_bytes: value["file_bytes"].as_u64()?,
            sha256: value["sha256"].as_str()?.to_owned(),
        })
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// Compresses records `first..`, which must follow each other. Returns the entry and the file.
pub fn encode(first: u64, records: &[Bytes]) -> Result<(SegmentEntry, Vec<u8>), String> {
    let previous_hash = Record::open(records.first().ok_or("a segment has no records")?)
        .and_then(|record| record.header())
        .map_err(|error| format!("record {first} cannot be read: {error}"))?
        .previous_hash;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(4));
    let mut record_bytes = 0;
    for (record, sequence) in records.iter().zip(first..) {
        record_bytes += record.len() as u64;
        encoder
            .write_all(&sequence.to_le_bytes())
            .and_then(|()| encoder.write_all(&(record.len() as u32).to_le_bytes()))
            .and_then(|()| encoder.write_all(record))
            .map_err(|error| error.to_string())?;
    }
    let file = encoder.finish().map_err(|error| error.to_string())?;
    let entry = SegmentEntry {
        first,
        last: first + records.len() as u64 - 1,
        previous_hash,
        last_hash: records.last().map_or(previous_hash, |record| blake3(record)),
        record_bytes,
        file_bytes: file.len() as u64,
        sha256: sha256(&file),
    };
    Ok((entry, file))
}

/// The records of a file, after checking it against its entry: its hash, the sequences, and the chain of hashes
/// from record to record. The error states what is wrong.
pub fn decode(entry: &SegmentEntry, file: &[u8]) -> Result<Vec<Bytes>, String> {
    let wrong = |what: &str| format!("segment {} of the archive {what}", entry.name());
    if sha256(file) != entry.sha256 {
        return Err(wrong("has another SHA-256 than the manifest"));
    }
    let mut raw = Vec::new();
    GzDecoder::new(file)
        .take(SEGMENT_BYTES_MAX)
        .read_to_end(&mut raw)
        .map_err(|error| wrong(&format!("cannot be decompressed: {error}")))?;
    let mut rest = Bytes::from(raw);
    let (mut records, mut hash) = (Vec::new(), entry.previous_hash);
    for sequence in entry.first..=entry.last {
        if rest.len() < RECORD_HEADER_BYTES {
            return Err(wrong("ends early"));
        }
        let header = rest.split_to(RECORD_HEADER_BYTES);
        let (mut number, mut length) = ([0; 8], [0; 4]);
        number.copy_from_slice(&header[..8]);
        length.copy_from_slice(&header[8..]);
        let length = u32::from_le_bytes(length) as usize;
        if u64::from_le_bytes(number) != sequence || rest.len() < length {
            return Err(wrong(&format!("does not have record {sequence}")));
        }
        let record = rest.split_to(length);
        let previous = Record::open(&record)
            .and_then(|record| record.header())
            .map_err(|error| wrong(&format!("has record {sequence}, which cannot be read: {error}")))?
            .previous_hash;
        if previous != hash {
            return Err(wrong(&format!("breaks the chain of hashes at record {sequence}")));
        }
        hash = blake3(&record);
        records.push(record);
    }
    if hash != entry.last_hash || !rest.is_empty() {
        return Err(wrong("does not end as the manifest states"));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_wire::encode_record;
    use cift_wire::record::Header;

    fn records(count: u64) -> Vec<Bytes> {
        let mut previous_hash = [7; 32];
        (0..count)
            .map(|number| {
                let header = Header {
                    format: 1,
                    rules: 2,
                    epoch: 1,
                    previous_hash,
                    state_hash: None,
                    timestamp: number as i64,
                    first_command: number,
                };
                let record = Bytes::from(encode_record(&header, [].iter().copied()));
                previous_hash = blake3(&record);
                record
            })
            .collect()
    }

    #[test]
    fn a_segment_is_decoded_and_damage_anywhere_is_detected() {
        let records = records(5);
        let (entry, file) = encode(100, &records).unwrap();
        assert_eq!((entry.first, entry.last, entry.previous_hash), (100, 104, [7; 32]));
        assert_eq!(SegmentEntry::from_json(&entry.to_json()), Some(entry.clone()));
        assert_eq!(decode(&entry, &file).unwrap(), records);
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(decode(&entry, &damaged).is_err(), "byte {at}");
        }
    }

    #[test]
    fn a_segment_with_the_right_hash_but_other_records_is_detected() {
        let records = records(5);
        let mut swapped = records.clone();
        swapped.swap(1, 2);
        let (entry, file) = encode(1, &swapped).unwrap();
        assert!(decode(&entry, &file).unwrap_err().contains("chain of hashes"));
        let (short, file) = encode(1, &records[..4]).unwrap();
        let longer = SegmentEntry { last: 5, ..short };
        assert!(decode(&longer, &file).unwrap_err().contains("ends early"));
    }
}
