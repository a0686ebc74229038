"""The book kept for clients, compared with a plain one; one-minute bars."""

import random
import zlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cift.history import rules
from cift.kernel.money import NANOS, format_nanos
from cift.streams.bars import MINUTE_NS, BarMaker
from cift.streams.book import DEPTH, KNOWN, BookKeeper, SnapshotNeeded, checksum
from tests.streams.client import Book

Levels = dict[str, dict[int, tuple[int, int]]]


def book_response(levels: Levels, sequence: int, known: int = KNOWN) -> dict[str, Any]:
    """The engine's response to a book query."""

    def side(name: str) -> list[list[Any]]:
        best = sorted(levels[name], reverse=name == "buy")[:known]
        return [[format_nanos(p), format_nanos(levels[name][p][0]), levels[name][p][1]] for p in best]

    return {"symbol": "SPY", "sequence": sequence, "at": 0, "bids": side("buy"), "asks": side("sell")}


def visible(levels: Levels, name: str) -> list[tuple[str, str]]:
    best = sorted(levels[name], reverse=name == "buy")[:DEPTH]
    return [(format_nanos(p), format_nanos(levels[name][p][0])) for p in best]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([3, 90, 140, 400]))
def test_a_client_keeps_the_same_book_as_the_engine(seed: int, prices: int) -> None:
    """Random changes at all depths; a client written from docs/book-protocol.md has exactly the best
    levels."""
    rng = random.Random(seed)
    levels: Levels = {"buy": {}, "sell": {}}

    def change() -> dict[str, Any]:
        name = rng.choice(("buy", "sell"))
        price = (1000 + rng.randrange(prices) * (-1 if name == "buy" else 1)) * NANOS // 100
        quantity = rng.choice((0, 0, rng.randrange(1, 50))) * NANOS // rng.choice((1, 4))
        if quantity:
            levels[name][price] = (quantity, 1)
        else:
            levels[name].pop(price, None)
        return {"side": name, "price": price, "quantity": quantity, "orders": 1}

    for _ in range(prices):
        change()
    keeper, client, sequence = BookKeeper(book_response(levels, 1)), Book(), 1
    client.apply(keeper.snapshot().body)
    for _ in range(60):
        sequence += 1
        changes = {(c["side"], c["price"]): c for c in (change() for _ in range(rng.randrange(1, 20)))}
        change_message = keeper.apply(
            {
                "sequence": sequence,
                "index": 0,
                "timestamp": 0,
                "changes": list(changes.values()),
                "checksum": _checksum(levels),
            }
        )
        if change_message is not None:
            client.apply(change_message.body)
        assert client.best("bids") == visible(levels, "buy")
        assert client.best("asks") == visible(levels, "sell")
        late = Book()
        late.apply(keeper.snapshot().body)
        assert late.sides == client.sides


def _checksum(levels: Levels) -> int:
    def side(name: str) -> list[tuple[int, int, int]]:
        return [(p, *levels[name][p]) for p in sorted(levels[name], reverse=name == "buy")]

    return checksum(side("buy"), side("sell"))


def test_a_new_snapshot_is_needed_when_too_few_levels_are_known() -> None:
    deep: Levels = {"buy": {p * NANOS: (NANOS, 1) for p in range(1, KNOWN + 500)}, "sell": {}}
    keeper = BookKeeper(book_response(deep, 1))
    gone = [
        {"side": "buy", "price": p * NANOS, "quantity": 0, "orders": 0}
        for p in sorted(range(1, KNOWN + 500), reverse=True)
    ]
    delta = {"index": 0, "timestamp": 0, "checksum": None}
    sent = keeper.apply({**delta, "sequence": 2, "changes": gone[: KNOWN - DEPTH]})
    assert sent is not None and len(keeper.snapshot().body["bids"]) == DEPTH
    with pytest.raises(SnapshotNeeded):
        keeper.apply({**delta, "sequence": 3, "changes": gone[KNOWN - DEPTH : KNOWN - DEPTH + 1]})


def test_old_deltas_and_those_beyond_the_depth_are_not_sent() -> None:
    levels: Levels = {"buy": {p * NANOS: (NANOS, 1) for p in range(1, 300)}, "sell": {}}
    keeper = BookKeeper(book_response(levels, 5))
    far = {"side": "buy", "price": NANOS, "quantity": 0, "orders": 0}
    delta = {"index": 0, "timestamp": 0, "checksum": 7, "changes": [far]}
    assert keeper.apply({**delta, "sequence": 5}) is None
    assert keeper.apply({**delta, "sequence": 6}) is None
    near = {"side": "buy", "price": 299 * NANOS, "quantity": 0, "orders": 0}
    sent = keeper.apply({**delta, "sequence": 7, "changes": [near]})
    assert sent is not None and sent.body["previous"] == 5
    assert sent.body["bids"] == [["299", "0", 0], ["199", "1", 1]]


def test_the_checksum_equals_the_documented_example() -> None:
    """The example of docs/book-protocol.md."""
    bids, asks = [(449_310_000_000, 10 * NANOS, 1)], [(450 * NANOS, NANOS // 2, 1)]
    assert checksum(bids, asks) == zlib.crc32(b"45054493110") == 3_602_361_406


def trade(at_s: float, price: int, quantity: int, sequence: int, number: int = 1) -> dict[str, Any]:
    return {
        "trade": number,
        "timestamp": int(at_s * 1e9),
        "price": price * NANOS,
        "quantity": quantity * NANOS,
        "sequence": sequence,
        "index": 0,
    }


def test_bars_cover_minutes_and_only_trades_of_this_exchange() -> None:
    maker = BarMaker("SPY")
    assert maker.take(trade(3, 100, 2, 1)) == []
    assert maker.take(trade(4, 1, 1, 2, number=0)) == [], "a print of the outside market"
    maker.take(trade(30, 103, 1, 3))
    maker.take(trade(59.9, 101, 1, 4))
    (bar,) = maker.take(trade(61, 90, 1, 5))
    body = bar.body
    assert [body[name] for name in ("open", "high", "low", "close", "volume", "trades", "vwap", "id")] == [
        "100",
        "103",
        "100",
        "101",
        "4",
        3,
        "101",
        "4:0",
    ]
    assert not body["revised"] and body["start"] == "1970-01-01T00:00:00.000000Z"
    (late,) = maker.take(trade(59.95, 99, 1, 6))
    assert late.body["revised"] and (late.body["close"], late.body["volume"]) == ("99", "5")
    assert maker.close(MINUTE_NS + 61 * 10**9)[0].body["open"] == "90"
    assert maker.close(10 * MINUTE_NS) == []


@given(st.lists(st.tuples(st.integers(1, 10**15), st.integers(1, 10**15)), min_size=1, max_size=5))
def test_a_bar_has_the_same_vwap_as_over_http(trades: list[tuple[int, int]]) -> None:
    """Prices and quantities in units of 1e-9."""
    bars = BarMaker("SPY")
    for index, (price, quantity) in enumerate(trades):
        bars.take(
            {"trade": index + 1, "timestamp": 1, "price": price, "quantity": quantity}
            | {"sequence": index + 1, "index": 0}
        )
    (bar,) = bars.close(MINUTE_NS)
    nano = Decimal(1).scaleb(-9)
    notional = Decimal(sum(p * q for p, q in trades)).scaleb(-18)
    volume = sum(q for _, q in trades) * nano
    assert Decimal(bar.body["vwap"]) == rules.vwap(notional, volume)
