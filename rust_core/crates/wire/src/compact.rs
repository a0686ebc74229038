//! The stored form of a record: packed, then compressed.
//!
//! # Layout
//! A byte [`FORM`], the length in words of the message and the length in bytes of its packed form (`u32`, little
//! endian), then an LZ4 block (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>) of the packed form. For
//! each word of eight bytes the packed form has a byte whose bits name the bytes that are not zero, then these bytes;
//! after a byte 0 follows the number of further zero words. A message that this would not make smaller is stored as it
//! is, after the byte [`PLAIN`].
//!
//! Three quarters of a record are zeros, and ids of orders and accounts occur several times in it. A journaled order
//! takes a quarter to a third of the message's size.
//!
//! # Invariants
//! - `unpack(pack(message)) == message`. Another version of the compressor may give other bytes, so only messages are
//!   compared, never stored forms.
//! - `unpack` allocates what the form claims only up to [`MAX_RECORD_BYTES`].
use crate::frame::WireError;
use crate::limits::MAX_RECORD_BYTES;

const PLAIN: u8 = 1;
const FORM: u8 = 2;
const HEAD: usize = 9;

/// Appends the stored form of a message to `out`. The length of a message is a multiple of eight.
pub(crate) fn pack(message: &[u8], out: &mut Vec<u8>) {
    let packed = pack_words(message);
    let start = out.len();
    out.resize(start + HEAD + lz4_flex::block::get_maximum_output_size(packed.len()), 0);
    out[start] = FORM;
    out[start + 1..start + 5].copy_from_slice(&((message.len() / 8) as u32).to_le_bytes());
    out[start + 5..start + HEAD].copy_from_slice(&(packed.len() as u32).to_le_bytes());
    match lz4_flex::block::compress_into(&packed, &mut out[start + HEAD..]) {
        Ok(length) if HEAD + length < message.len() => out.truncate(start + HEAD + length),
        _ => {
            out.truncate(start);
            out.push(PLAIN);
            out.extend_from_slice(message);
        }
    }
}

fn pack_words(message: &[u8]) -> Vec<u8> {
    // A word takes at most nine bytes.
    let mut packed = vec![0; message.len() / 8 * 9];
    let mut end = 0;
    let mut words = message.chunks_exact(8).peekable();
    while let Some(word) = words.next() {
        let mut tag = 0;
        let mut at = end + 1;
        for (bit, &byte) in word.iter().enumerate() {
            // Written in any case; the next byte that is not zero overwrites a zero.
            if at < packed.len() {
                packed[at] = byte;
            }
            at += usize::from(byte != 0);
            tag |= u8::from(byte != 0) << bit;
        }
        packed[end] = tag;
        end = at;
        if tag == 0 {
            let mut zeros = 0;
            while zeros < u8::MAX && words.next_if(|word| word.iter().all(|&byte| byte == 0)).is_some() {
                zeros += 1;
            }
            packed[end] = zeros;
            end += 1;
        }
    }
    packed.truncate(end);
    packed
}

fn malformed(text: &str) -> WireError {
    WireError::Malformed(text.into())
}

/// The message of a stored form.
pub(crate) fn unpack(stored: &[u8]) -> Result<Vec<u8>, WireError> {
    match stored.first() {
        None => Err(malformed("no record")),
        Some(&PLAIN) => Ok(stored[1..].to_vec()),
        Some(&FORM) => {
            let length = |at: usize| {
                let bytes = stored.get(at..at + 4)?.try_into().ok()?;
                Some(u32::from_le_bytes(bytes) as usize)
            };
            let (words, packed) = length(1).zip(length(5)).ok_or(malformed("no lengths"))?;
            if words > MAX_RECORD_BYTES / 8 || packed > words * 9 {
                return Err(WireError::TooLong {
                    what: "record bytes",
                    limit: MAX_RECORD_BYTES,
                });
            }
            let packed = lz4_flex::block::decompress(&stored[HEAD..], packed)
                .map_err(|error| WireError::Malformed(error.to_string()))?;
            unpack_words(&packed, words)
        }
        // The first byte of a message on its own is 0.
        Some(0) => Err(malformed(
            "it has the form of an earlier release, without compression. Start the release that wrote it, or start \
             this one with an empty data folder",
        )),
        Some(_) => Err(malformed("unknown form: start a newer release")),
    }
}

fn unpack_words(packed: &[u8], words: usize) -> Result<Vec<u8>, WireError> {
    let short = || malformed("truncated record");
    let mut message = vec![0; words * 8];
    let (mut at, mut word) = (0, 0);
    while word < words {
        let tag = *packed.get(at).ok_or_else(short)?;
        at += 1;
        if tag == 0 {
            word += 1 + usize::from(*packed.get(at).ok_or_else(short)?);
            at += 1;
            continue;
        }
        let bytes = packed.get(at..at + tag.count_ones() as usize).ok_or_else(short)?;
        at += bytes.len();
        let target = &mut message[word * 8..][..8];
        let mut bits = tag;
        for &byte in bytes {
            target[bits.trailing_zeros() as usize] = byte;
            bits &= bits - 1;
        }
        word += 1;
    }
    if word != words || at != packed.len() {
        return Err(malformed("bytes after the record"));
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize, zeros_in_eight: u64) -> Vec<u8> {
        let mut state = 7u64;
        let next = |_| {
            state = state
                .wrapping_mul(0x5851_f42d_4c95_7f2d)
                .wrapping_add(0x1405_7b7e_f767_814f);
            if state >> 61 < zeros_in_eight {
                0
            } else {
                (state >> 32) as u8
            }
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for zeros in 0..=8 {
            for length in [0, 8, 16, 2_048, 8 * 700, 65_536] {
                let message = noise(length, zeros);
                let mut stored = vec![9];
                pack(&message, &mut stored);
                assert!(stored.len() <= message.len() + 2);
                assert_eq!(unpack(&stored[1..]).unwrap(), message);
            }
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_refused_or_another_message() {
        let message = noise(4_096, 6);
        let mut stored = Vec::new();
        pack(&message, &mut stored);
        for end in 0..stored.len() {
            assert!(unpack(&stored[..end]).map_or(true, |other| other != message));
        }
        for at in 0..stored.len() {
            let mut changed = stored.clone();
            changed[at] ^= 0x41;
            let _ = unpack(&changed);
        }
        assert!(unpack(&[0; 16]).unwrap_err().to_string().contains("earlier release"));
        let claim = [2, 255, 255, 255, 255, 1, 0, 0, 0];
        assert!(matches!(unpack(&claim), Err(WireError::TooLong { .. })));
    }
}
