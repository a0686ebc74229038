# Written by `make generate` from rust_core/crates/wire/src/limits.rs. Do not edit.
"""Limits that Rust and Python share."""

MAX_PRICE = 10_000_000_000_000_000
"""Highest price of an order, in nanos."""

MAX_QUANTITY = 1_000_000_000_000_000_000
"""Highest quantity of an order, in nanos."""

MAX_POSITION = 4_000_000_000_000_000_000
"""Largest position either way, open orders included, in nanos."""

MAX_TRANSFER = 1_000_000_000_000_000_000_000
"""Highest amount of one deposit, withdrawal or reset, in nanos."""

MAX_SYMBOLS_PER_ACCOUNT = 256
"""Symbols in which one account may hold positions."""

MAX_EVENTS_PER_COMMAND = 1_000
"""Events that one command in the journal emits."""

DEFAULT_MAX_OPEN_ORDERS = 500
"""Open orders of a new account."""

DEFAULT_MAX_ORDERS_PER_SECOND = 500
"""Orders in one second of a new account."""

CASH_LEVERAGE_PERCENT = 100
"""Leverage of a cash account, the lowest of a margin account."""

DEFAULT_MARGIN_LEVERAGE_PERCENT = 200
"""Leverage of a new margin account."""

MAX_OPEN_ORDERS_PER_ACCOUNT = 10_000
"""Highest limit of open orders."""

MAX_ORDERS_PER_SECOND = 1_000_000
"""Highest limit of orders in one second."""

MAX_LEVERAGE_PERCENT = 1_000
"""Highest leverage of a margin account."""

REQUEST_RETENTION_NS = 86_400_000_000_000
"""How long an idempotency key is remembered after its order ended."""

DEFAULT_SILENCE_NS = 5_000_000_000
"""The engine withdraws the quotes of a feed that sent nothing for this long, unless the feed defines
another time."""

MAX_COMMANDS_PER_REQUEST = 100
"""Commands in one request to the engine."""

MAX_REQUEST_BYTES = 262_144
"""Bytes of one request to the engine."""

MAX_PAYLOAD_BYTES = 8_388_608
"""`max_payload` of the NATS server."""

MAX_CLIENT_ORDER_ID_BYTES = 64
"""Bytes of a client order id."""

MAX_IDEMPOTENCY_KEY_BYTES = 128
"""Bytes of an idempotency key."""

MAX_TICKS_PER_BATCH = 65_536
"""Ticks or bars in one message."""

MAX_FEED_BYTES = 32
"""Bytes of a feed's name."""

MAX_SYMBOL_BYTES = 16
"""Bytes of a symbol."""

MAX_MESSAGES_PER_DELIVERY = 10_000
"""Records or messages in one delivery to an event function."""

MAX_DEAD_LETTER_REASON_BYTES = 1_024
"""Bytes of the reason that a dead letter carries."""

MAX_REPLAYS_WAITING = 16
"""Dead letters of one function that wait to be delivered again."""

MAX_QUOTES_PER_QUERY = 500
"""Symbols in one quote query."""

MAX_BOOK_LEVELS_PER_QUERY = 1_000
"""Levels a side in one book query."""

CHECKSUM_DEPTH = 10
"""Levels a side that the checksum of a book covers."""
