"""Binance, public data: trades, aggTrades, klines and bookTicker; spot and futures.

Spot files have no header, newer futures files have one. Times are milliseconds, in spot files from 2025 on
microseconds. If the buyer was the maker, the taker sold.

Source: https://github.com/binance/binance-public-data (README: Trades, AggTrades, Klines).
"""

from cift.recordings.formats.form import EPOCH, INTEGER, NUMBER, WORD, Format, marks
from cift.recordings.values import TAKER_SOLD

_TRADE = {"id": "id", "price": "price", "quantity": "qty", "at": "time", "side": "is_buyer_maker"}
_TRADES = ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match")
_TRADE_SHAPE = (INTEGER, NUMBER, NUMBER, NUMBER, EPOCH, WORD, WORD)
_AGGREGATE = {
    "id": "agg_trade_id",
    "price": "price",
    "quantity": "quantity",
    "at": "transact_time",
    "side": "is_buyer_maker",
}
_AGGREGATES = (
    *("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time"),
    *("is_buyer_maker", "is_best_match"),
)
_AGGREGATE_SHAPE = (INTEGER, NUMBER, NUMBER, INTEGER, INTEGER, EPOCH, WORD, WORD)
_TRADES_FILE = r"(?P<symbol>[A-Z0-9]+(_[A-Z0-9]+)?)-trades-"
_AGGREGATES_FILE = r"(?P<symbol>[A-Z0-9]+(_[A-Z0-9]+)?)-aggTrades-"
_BARS = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)

FORMATS = (
    Format(
        "binance-trades",
        ("trade",),
        _TRADE,
        marks("id price qty quote_qty time is_buyer_maker"),
        _TRADES,
        _TRADE_SHAPE,
        file_name=_TRADES_FILE,
        sides=TAKER_SOLD,
        has_ids=True,
    ),
    Format(
        "binance-trades",
        ("trade",),
        _TRADE,
        headerless=_TRADES[:6],
        shape=_TRADE_SHAPE[:6],
        file_name=_TRADES_FILE,
        sides=TAKER_SOLD,
        has_ids=True,
    ),
    Format(
        "binance-aggtrades",
        ("trade",),
        _AGGREGATE,
        marks("agg_trade_id price quantity first_trade_id last_trade_id transact_time is_buyer_maker"),
        _AGGREGATES,
        _AGGREGATE_SHAPE,
        file_name=_AGGREGATES_FILE,
        sides=TAKER_SOLD,
        has_ids=True,
    ),
    Format(
        "binance-aggtrades",
        ("trade",),
        _AGGREGATE,
        headerless=_AGGREGATES[:7],
        shape=_AGGREGATE_SHAPE[:7],
        file_name=_AGGREGATES_FILE,
        sides=TAKER_SOLD,
        has_ids=True,
    ),
    Format(
        "binance-klines",
        ("bar",),
        {
            "at": "open_time",
            "open": "open",
            "high": "high",
            "low": "low",
            "close": "close",
            "volume": "volume",
            "trades": "count",
        },
        marks("open_time open high low close volume close_time quote_volume count"),
        _BARS,
        (EPOCH, *(NUMBER,) * 5, EPOCH, NUMBER, INTEGER, NUMBER, NUMBER, NUMBER),
        file_name=r"(?P<symbol>[A-Z0-9]+(_[A-Z0-9]+)?)-(?P<interval>\d+[smhdw])-",
    ),
    Format(
        "binance-bookticker",
        ("quote",),
        {
            "id": "update_id",
            "at": "transaction_time",
            "bid": "best_bid_price",
            "bid_quantity": "best_bid_qty",
            "ask": "best_ask_price",
            "ask_quantity": "best_ask_qty",
        },
        marks("update_id best_bid_price best_bid_qty best_ask_price best_ask_qty transaction_time"),
        file_name=r"(?P<symbol>[A-Z0-9]+(_[A-Z0-9]+)?)-bookTicker-",
        has_ids=True,
    ),
)
