//! Every bound of what crosses the wire, by name.

/// Commands in one request.
pub const MAX_COMMANDS_PER_REQUEST: usize = 100;
/// Bytes of one request.
pub const MAX_REQUEST_BYTES: usize = 256 * 1024;
/// A batch takes no further command once its record is at least this long.
pub const BATCH_CLOSES_AT_BYTES: usize = 512 * 1024;
/// `max_payload` that the NATS server must be given.
pub const MAX_PAYLOAD_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of a client order id.
pub const MAX_CLIENT_ORDER_ID_BYTES: usize = 64;
/// Characters of a client's idempotency key before it is hashed.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;
/// Ticks or bars in one message: 3.1 MB of quotes, well below a payload.
pub const MAX_TICKS_PER_BATCH: usize = 65_536;
/// Bytes of a feed's name.
pub const MAX_FEED_BYTES: usize = 32;
/// A reader walks at most this many times the words of a message (plus [`TRAVERSAL_SPARE_WORDS`]).
pub const TRAVERSAL_FACTOR: usize = 4;
/// See [`TRAVERSAL_FACTOR`].
pub const TRAVERSAL_SPARE_WORDS: usize = 1024;
/// Structs inside structs. The deepest message has 5 levels.
pub const NESTING_LIMIT: i32 = 12;
/// Segments a reader accepts. Writers here make one.
pub const MAX_SEGMENTS: usize = 16;
/// Newest record layout that this code writes and reads.
pub const FORMAT: u16 = 1;
/// Newest rules that this code knows.
pub const RULES: u32 = 1;

// One command emits at most MAX_EVENTS_PER_COMMAND events; the largest event is a trade. The batch that closes at
// its limit, plus one worst command, plus its headers, must fit into a payload.
const LARGEST_EVENT_BYTES: usize = 512;
const _: () = assert!(
    BATCH_CLOSES_AT_BYTES + MAX_REQUEST_BYTES + cift_engine::MAX_EVENTS_PER_COMMAND * LARGEST_EVENT_BYTES + 65_536
        < MAX_PAYLOAD_BYTES
);
