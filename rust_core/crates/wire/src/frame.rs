//! Messages as bytes: Cap'n Proto's stream framing with one segment.
use crate::limits::{MAX_SEGMENTS, NESTING_LIMIT, TRAVERSAL_FACTOR, TRAVERSAL_SPARE_WORDS};
use capnp::message::{Builder, HeapAllocator, Reader, ReaderOptions};
use capnp::serialize::{read_message_from_flat_slice_no_alloc, NoAllocSliceSegments};
use capnp::traits::HasStructSize;
use std::fmt;

/// Why bytes cannot be read. The text names the field or the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// Not a Cap'n Proto message, or a truncated one.
    Malformed(String),
    /// An unknown code or variant.
    Unknown { what: &'static str, code: u32 },
    /// A length or count beyond its limit.
    TooLong { what: &'static str, limit: usize },
    /// A required field is absent, or has an invalid value.
    Invalid(&'static str),
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WireError::Malformed(text) => write!(f, "malformed message: {text}"),
            WireError::Unknown { what, code } => write!(f, "unknown {what} {code}"),
            WireError::TooLong { what, limit } => write!(f, "{what} is beyond its limit of {limit}"),
            WireError::Invalid(what) => write!(f, "invalid {what}"),
        }
    }
}
impl std::error::Error for WireError {}
impl From<capnp::Error> for WireError {
    fn from(error: capnp::Error) -> Self {
        WireError::Malformed(error.to_string())
    }
}
impl From<capnp::NotInSchema> for WireError {
    fn from(error: capnp::NotInSchema) -> Self {
        WireError::Unknown {
            what: "variant",
            code: u32::from(error.0),
        }
    }
}

/// A message that borrows its bytes.
pub type Message<'a> = Reader<NoAllocSliceSegments<'a>>;

/// Reads the frame without copying.
pub fn open(bytes: &[u8]) -> Result<Message<'_>, WireError> {
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(bytes.len() / 8 * TRAVERSAL_FACTOR + TRAVERSAL_SPARE_WORDS));
    options.nesting_limit(NESTING_LIMIT);
    let segments = bytes
        .get(..4)
        .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize + 1);
    match segments {
        None => return Err(WireError::Malformed("no frame".into())),
        Some(n) if n > MAX_SEGMENTS => {
            return Err(WireError::TooLong {
                what: "segments",
                limit: MAX_SEGMENTS,
            })
        }
        Some(_) => {}
    }
    let mut rest = bytes;
    let message = read_message_from_flat_slice_no_alloc(&mut rest, options)?;
    if !rest.is_empty() {
        return Err(WireError::Malformed("bytes after the message".into()));
    }
    Ok(message)
}

/// Words of one struct of this type.
pub(crate) const fn struct_words<B: HasStructSize>() -> usize {
    B::STRUCT_SIZE.data as usize + B::STRUCT_SIZE.pointers as usize
}
/// Words of a text's content (an empty text is a null pointer).
pub(crate) const fn text_words(text: &str) -> usize {
    if text.is_empty() {
        0
    } else {
        (text.len() + 1).div_ceil(8)
    }
}

/// Builds a message whose content takes `words` words (without the root pointer) and appends it to `out`.
///
/// A value of `words` that is too small would make a second segment. Readers accept that, but the bytes differ, so debug
/// builds and tests reject it.
pub(crate) fn write(words: usize, out: &mut Vec<u8>, build: impl FnOnce(&mut Builder<HeapAllocator>)) {
    let words = u32::try_from(words + 1).expect("a message is bounded far below 32 GiB");
    let mut message = Builder::new(HeapAllocator::new().first_segment_words(words));
    build(&mut message);
    let segments = message.get_segments_for_output();
    debug_assert_eq!(segments.len(), 1, "the size estimate was too small");
    debug_assert_eq!(segments[0].len(), words as usize * 8, "the size estimate was too large");
    out.reserve(8 * (1 + segments.len()) + segments.iter().map(|s| s.len()).sum::<usize>());
    out.extend_from_slice(&(segments.len() as u32 - 1).to_le_bytes());
    for segment in segments.iter() {
        out.extend_from_slice(&((segment.len() / 8) as u32).to_le_bytes());
    }
    if segments.len() % 2 == 0 {
        out.extend_from_slice(&[0; 4]);
    }
    for segment in segments.iter() {
        out.extend_from_slice(segment);
    }
}
