//! The stored form of a record: packed, then compressed.
//!
//! # Layout
//! A byte [`FORM`], the length in words of the message and the length in bytes of its packed form (each seven bits a
//! byte, low bits first, with the high bit set in all bytes but the last), then an LZ4 block (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md>) of the packed form, with
//! [`DICTIONARY`] before it. The packed form has for each word of eight bytes a tag whose bits name the bytes that are
//! not zero; after a tag 0 follows the number of further zero words. Then come these bytes, of all words. A message
//! that this would not make smaller is stored as it is, after the byte [`PLAIN`].
//!
//! Three quarters of a record are zeros, and ids of orders and accounts occur several times in it. The dictionary holds
//! the packed form of some common commands, for the record that has only one. A journaled order takes a fifth to a
//! third of the message's size.
//!
//! # Invariants
//! - `unpack(pack(message)) == message`. Another version of the compressor may give other bytes, so only messages are
//!   compared, never stored forms.
//! - `unpack` allocates what the form claims only up to [`MAX_RECORD_BYTES`].
//! - The dictionary of a form never changes. Another dictionary is another form, and the old one stays readable.
use crate::frame::WireError;
use crate::limits::MAX_RECORD_BYTES;

const PLAIN: u8 = 1;
const FORM: u8 = 2;
/// Written by `examples/dictionary.rs`. A record cannot be read with another dictionary.
const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");

/// Appends the stored form of a message to `out`. The length of a message is a multiple of eight.
pub(crate) fn pack(message: &[u8], out: &mut Vec<u8>) {
    let packed = pack_words(message);
    let start = out.len();
    out.push(FORM);
    put_length(message.len() / 8, out);
    put_length(packed.len(), out);
    let block = out.len();
    out.resize(block + lz4_flex::block::get_maximum_output_size(packed.len()), 0);
    match lz4_flex::block::compress_into_with_dict(&packed, &mut out[block..], DICTIONARY) {
        Ok(length) if block - start + length < message.len() => out.truncate(block + length),
        _ => {
            out.truncate(start);
            out.push(PLAIN);
            out.extend_from_slice(message);
        }
    }
}

fn put_length(mut length: usize, out: &mut Vec<u8>) {
    while length > 0x7f {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Takes a length of at most 32 bits from the start of `bytes`.
fn take_length(bytes: &mut &[u8]) -> Result<usize, WireError> {
    let mut length = 0;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first().ok_or(malformed("no lengths"))?;
        *bytes = rest;
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(length);
        }
    }
    Err(malformed("a length of more than 32 bits"))
}

/// The packed form of a message. Only for the program that writes the dictionary.
#[doc(hidden)]
pub fn pack_words(message: &[u8]) -> Vec<u8> {
    let words = message.len() / 8;
    // At most one tag a word: a tag 0 with its number of zero words stands for one word or more, so two zero words
    // apart from each other take two bytes each.
    let mut tags = Vec::with_capacity(words * 2);
    let mut bytes = vec![0; message.len() + 8];
    let mut end = 0;
    let mut words = message.chunks_exact(8).peekable();
    while let Some(word) = words.next() {
        if word == [0; 8] {
            let mut zeros = 0;
            while zeros < u8::MAX && words.next_if(|word| **word == [0; 8]).is_some() {
                zeros += 1;
            }
            tags.extend_from_slice(&[0, zeros]);
            continue;
        }
        let mut tag = 0;
        for (bit, &byte) in word.iter().enumerate() {
            // Written in any case; the next byte that is not zero overwrites a zero.
            bytes[end] = byte;
            end += usize::from(byte != 0);
            tag |= u8::from(byte != 0) << bit;
        }
        tags.push(tag);
    }
    tags.extend_from_slice(&bytes[..end]);
    tags
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
            let mut rest = &stored[1..];
            let (words, packed) = (take_length(&mut rest)?, take_length(&mut rest)?);
            if words > MAX_RECORD_BYTES / 8 || packed > words * 9 {
                return Err(WireError::TooLong {
                    what: "record bytes",
                    limit: MAX_RECORD_BYTES,
                });
            }
            let packed = lz4_flex::block::decompress_with_dict(rest, packed, DICTIONARY)
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
    // Where the bytes start.
    let (mut at, mut word) = (0, 0);
    while word < words {
        word += match packed.get(at) {
            Some(0) => 1 + usize::from(*packed.get(at + 1).ok_or_else(short)?),
            Some(_) => 1,
            None => return Err(short()),
        };
        at += if packed[at] == 0 { 2 } else { 1 };
    }
    let (tags, mut bytes) = packed.split_at(at);
    let mut message = vec![0; words * 8];
    let (mut tags, mut word) = (tags.iter(), 0);
    while let Some(&tag) = tags.next() {
        if tag == 0 {
            word += 1 + usize::from(*tags.next().ok_or_else(short)?);
            continue;
        }
        let (own, rest) = bytes.split_at_checked(tag.count_ones() as usize).ok_or_else(short)?;
        bytes = rest;
        let target = &mut message[word * 8..][..8];
        let mut bits = tag;
        for &byte in own {
            target[bits.trailing_zeros() as usize] = byte;
            bits &= bits - 1;
        }
        word += 1;
    }
    if word != words || !bytes.is_empty() {
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
        let claim = [2, 255, 255, 255, 255, 1, 1];
        assert!(matches!(unpack(&claim), Err(WireError::TooLong { .. })));
    }
}
