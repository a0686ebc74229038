"""Files of any origin with a header: columns by their common names. Used when no named format fits."""

from cift.recordings.formats.form import Format

SYNONYMS = {
    "at": "at timestamp time datetime date_time ts date ts_event event_time trade_time transact_time t",
    "symbol": "symbol ticker instrument sym product_id instrument_id pair security ric code",
    "price": "price last trade_price last_price px p",
    "quantity": "quantity size qty amount volume vol trade_size last_size trade_volume q",
    "side": "side aggressor taker_side aggressor_side direction",
    "conditions": "conditions condition",
    "bid": "bid bid_price bidprice best_bid best_bid_price bid_px",
    "bid_quantity": "bid_quantity bid_size bidsize bid_qty best_bid_qty bid_volume bidvolume bid_amount",
    "ask": "ask ask_price askprice best_ask best_ask_price ask_px offer",
    "ask_quantity": "ask_quantity ask_size asksize ask_qty best_ask_qty ask_volume askvolume ask_amount",
    "open": "open o",
    "high": "high h",
    "low": "low l",
    "close": "close c",
    "volume": "volume vol v",
    "trades": "trades count trade_count n transactions",
    "interval": "interval",
}
"""Our name → keys of columns, the preferred first."""
_BY_KIND = {
    "trade": ("price", "quantity"),
    "quote": ("bid", "ask"),
    "bar": ("open", "high", "low", "close"),
}
_WITH = {
    "trade": ("side", "conditions"),
    "quote": ("bid_quantity", "ask_quantity"),
    "bar": ("volume", "trades", "interval"),
}


def found(keys: list[str], named: dict[str, str]) -> Format | None:
    """The format of a file with these columns; `named` (our name → key) goes first; or None."""
    columns: dict[str, str | tuple[str, ...]] = {name: key for name, key in named.items() if key}
    for name, others in SYNONYMS.items():
        if name not in named:
            present = [each for each in others.split() if each in keys]
            if present:
                columns[name] = present[0]
    if columns.get("at") in ("date", "time") and {"date", "time"} <= set(keys) and "at" not in named:
        columns["at"] = ("date", "time")
    kinds = [kind for kind, needed in _BY_KIND.items() if all(each in columns for each in needed)]
    if "bar" in kinds and "trade" in kinds and "price" not in keys:
        kinds.remove("trade")
    if "bar" in kinds:
        kinds = ["bar"]
    if not kinds:
        return None
    wanted = {"at", "symbol"} | {each for kind in kinds for each in (*_BY_KIND[kind], *_WITH[kind])}
    sizes = "bid_quantity" in columns and "ask_quantity" in columns
    return Format(
        "columns by name",
        tuple(kinds),  # type: ignore[arg-type]
        {name: key for name, key in columns.items() if name in wanted},
        sizes_unknown="quote" in kinds and not sizes,
    )


def missing(keys: list[str]) -> str:
    """What a file with these columns lacks."""
    if not any(each in keys for each in SYNONYMS["at"].split()):
        return "no column at (or timestamp, time, date)"
    return "neither price and quantity, nor bid and ask, nor open, high, low and close"
