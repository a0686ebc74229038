"""Books from the engine as a block of order_book_snapshots. Pure."""

from collections.abc import Sequence
from typing import Any

from cift.kernel.money import parse_nanos
from cift.platform.native import TIME, block, nested, strings

DEPTH = 10
CONCURRENT_QUERIES_MAX = 50
"""Book queries that are sent to the engine at the same time."""
PRICES, QUANTITIES = "Array(Decimal(18, 9))", "Array(Decimal(18, 9))"


def books_block(books: Sequence[dict[str, Any]]) -> bytes:
    """The engine's responses to `book` queries, as one block."""
    import numpy as np

    def levels(side: str, place: int) -> bytes:
        return nested([[parse_nanos(level[place], side) for level in book[side]] for book in books])

    return block(
        len(books),
        [
            ("symbol", "String", strings(book["symbol"] for book in books)),
            ("at", TIME, np.array([book["at"] for book in books], np.int64)),
            ("sequence", "UInt64", np.array([book["sequence"] for book in books], np.uint64)),
            ("bid_prices", PRICES, levels("bids", 0)),
            ("bid_quantities", QUANTITIES, levels("bids", 1)),
            ("ask_prices", PRICES, levels("asks", 0)),
            ("ask_quantities", QUANTITIES, levels("asks", 1)),
        ],
    )
