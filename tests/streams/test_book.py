"""The book kept for clients, compared with a plain one."""

import random
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cift.kernel.money import NANOS, format_nanos
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
            (sequence, 0),
            {
                "sequence": sequence,
                "timestamp": 0,
                "changes": list(changes.values()),
                "checksum": _checksum(levels),
            },
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
    sent = keeper.apply((2, 0), {**delta, "sequence": 2, "changes": gone[: KNOWN - DEPTH]})
    assert sent is not None and len(keeper.snapshot().body["bids"]) == DEPTH
    with pytest.raises(SnapshotNeeded):
        keeper.apply((3, 0), {**delta, "sequence": 3, "changes": gone[KNOWN - DEPTH : KNOWN - DEPTH + 1]})


def test_old_deltas_and_those_beyond_the_depth_are_not_sent() -> None:
    levels: Levels = {"buy": {p * NANOS: (NANOS, 1) for p in range(1, 300)}, "sell": {}}
    keeper = BookKeeper(book_response(levels, 5))
    far = {"side": "buy", "price": NANOS, "quantity": 0, "orders": 0}
    delta = {"index": 0, "timestamp": 0, "checksum": 7, "changes": [far]}
    assert keeper.apply((5, 0), {**delta, "sequence": 5}) is None
    assert keeper.apply((6, 0), {**delta, "sequence": 6}) is None
    near = {"side": "buy", "price": 299 * NANOS, "quantity": 0, "orders": 0}
    sent = keeper.apply((7, 0), {**delta, "sequence": 7, "changes": [near]})
    assert sent is not None and sent.body["previous"] == 5
    assert sent.body["bids"] == [["299", "0", 0], ["199", "1", 1]]


def test_the_checksum_equals_the_documented_example() -> None:
    """The example of docs/book-protocol.md."""
    bids, asks = [(449_310_000_000, 10 * NANOS, 1)], [(450 * NANOS, NANOS // 2, 1)]
    assert checksum(bids, asks) == zlib.crc32(b"45054493110") == 3_602_361_406
