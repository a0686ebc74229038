//! Every bound of what crosses the wire, by name. `define` writes those that Python shares.
use crate::annotation::Module;
use cift_engine as e;

/// Commands in one request.
pub const MAX_COMMANDS_PER_REQUEST: usize = 100;
/// Bytes of one request.
pub const MAX_REQUEST_BYTES: usize = 256 * 1024;
/// A batch takes no further command once its record is at least this long.
pub const BATCH_CLOSES_AT_BYTES: usize = 512 * 1024;
/// `max_payload` that the NATS server must be given.
pub const MAX_PAYLOAD_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the message in a record before it is packed.
pub const MAX_RECORD_BYTES: usize = MAX_PAYLOAD_BYTES;
/// Bytes of a client order id.
pub const MAX_CLIENT_ORDER_ID_BYTES: usize = 64;
/// Characters of a client's idempotency key before it is hashed.
pub const MAX_IDEMPOTENCY_KEY_BYTES: usize = 128;
/// Ticks or bars in one message: 3.1 MB of quotes, well below a payload.
pub const MAX_TICKS_PER_BATCH: usize = 65_536;
/// Bytes of a feed's name.
pub const MAX_FEED_BYTES: usize = 32;
/// Bytes of a symbol.
pub const MAX_SYMBOL_BYTES: usize = 16;
/// Records or messages in one delivery to an event function.
pub const MAX_MESSAGES_PER_DELIVERY: usize = 10_000;
/// Bytes of the reason that a dead letter carries.
pub const MAX_DEAD_LETTER_REASON_BYTES: usize = 1_024;
/// Dead letters of one function that wait to be delivered again.
pub const MAX_REPLAYS_WAITING: usize = 16;
/// Symbols in one `quote` query.
pub const MAX_QUOTES_PER_QUERY: usize = 500;
/// Levels a side in one `book` query.
pub const MAX_BOOK_LEVELS_PER_QUERY: usize = 1_000;
/// Levels a side that the checksum of a book covers.
pub const CHECKSUM_DEPTH: usize = 10;
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
pub const RULES: u32 = 2;

// One command emits at most MAX_EVENTS_PER_COMMAND events; the largest event is a trade. The batch that closes at
// its limit, plus one worst command, plus its headers, must fit into a payload.
const LARGEST_EVENT_BYTES: usize = 512;
const _: () = assert!(
    BATCH_CLOSES_AT_BYTES + MAX_REQUEST_BYTES + cift_engine::MAX_EVENTS_PER_COMMAND * LARGEST_EVENT_BYTES + 65_536
        < MAX_PAYLOAD_BYTES
);

macro_rules! shared {
    ($($name:ident = $value:expr, $doc:literal;)+) => {
        /// Writes the limits that Python shares.
        pub fn define(module: &mut Module) {
            $( module.constant(stringify!($name), ($value) as i128, $doc); )+
        }
    };
}
shared! {
    MAX_PRICE = e::MAX_PRICE, "Highest price of an order, in nanos.";
    MAX_QUANTITY = e::MAX_QUANTITY, "Highest quantity of an order, in nanos.";
    MAX_POSITION = e::MAX_POSITION, "Largest position either way, open orders included, in nanos.";
    MAX_TRANSFER = e::MAX_TRANSFER, "Highest amount of one deposit, withdrawal or reset, in nanos.";
    MAX_SYMBOLS_PER_ACCOUNT = e::MAX_SYMBOLS_PER_ACCOUNT, "Symbols in which one account may hold positions.";
    MAX_EVENTS_PER_COMMAND = e::MAX_EVENTS_PER_COMMAND, "Events that one command in the journal emits.";
    DEFAULT_MAX_OPEN_ORDERS = e::DEFAULT_MAX_OPEN_ORDERS, "Open orders of a new account.";
    DEFAULT_MAX_ORDERS_PER_SECOND = e::DEFAULT_MAX_ORDERS_PER_SECOND, "Orders in one second of a new account.";
    CASH_LEVERAGE_PERCENT = e::CASH_LEVERAGE_PERCENT, "Leverage of a cash account, the lowest of a margin account.";
    DEFAULT_MARGIN_LEVERAGE_PERCENT = e::DEFAULT_MARGIN_LEVERAGE_PERCENT, "Leverage of a new margin account.";
    MAX_OPEN_ORDERS_PER_ACCOUNT = e::MAX_OPEN_ORDERS_PER_ACCOUNT, "Highest limit of open orders.";
    MAX_ORDERS_PER_SECOND = e::MAX_ORDERS_PER_SECOND, "Highest limit of orders in one second.";
    MAX_LEVERAGE_PERCENT = e::MAX_LEVERAGE_PERCENT, "Highest leverage of a margin account.";
    REQUEST_RETENTION_NS = e::REQUEST_RETENTION_NS, "How long an idempotency key is remembered after its order ended.";
    DEFAULT_SILENCE_NS = e::DEFAULT_SILENCE_NS,
        "The engine withdraws the quotes of a feed that sent nothing for this long, unless the feed defines another time.";
    MAX_COMMANDS_PER_REQUEST = MAX_COMMANDS_PER_REQUEST, "Commands in one request to the engine.";
    MAX_REQUEST_BYTES = MAX_REQUEST_BYTES, "Bytes of one request to the engine.";
    MAX_PAYLOAD_BYTES = MAX_PAYLOAD_BYTES, "`max_payload` of the NATS server.";
    MAX_CLIENT_ORDER_ID_BYTES = MAX_CLIENT_ORDER_ID_BYTES, "Bytes of a client order id.";
    MAX_IDEMPOTENCY_KEY_BYTES = MAX_IDEMPOTENCY_KEY_BYTES, "Bytes of an idempotency key.";
    MAX_TICKS_PER_BATCH = MAX_TICKS_PER_BATCH, "Ticks or bars in one message.";
    MAX_FEED_BYTES = MAX_FEED_BYTES, "Bytes of a feed's name.";
    MAX_SYMBOL_BYTES = MAX_SYMBOL_BYTES, "Bytes of a symbol.";
    MAX_MESSAGES_PER_DELIVERY = MAX_MESSAGES_PER_DELIVERY, "Records or messages in one delivery to an event function.";
    MAX_DEAD_LETTER_REASON_BYTES = MAX_DEAD_LETTER_REASON_BYTES, "Bytes of the reason that a dead letter carries.";
    MAX_REPLAYS_WAITING = MAX_REPLAYS_WAITING, "Dead letters of one function that wait to be delivered again.";
    MAX_QUOTES_PER_QUERY = MAX_QUOTES_PER_QUERY, "Symbols in one quote query.";
    MAX_BOOK_LEVELS_PER_QUERY = MAX_BOOK_LEVELS_PER_QUERY, "Levels a side in one book query.";
    CHECKSUM_DEPTH = CHECKSUM_DEPTH, "Levels a side that the checksum of a book covers.";
}
