"""Books from the engine as a block of order_book_snapshots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cift.kernel.money import parse_nanos
from cift.platform.native import TIME, block, nested, strings

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

DEPTH = 10
CONCURRENT_QUERIES_MAX = 50
"""Book queries that are sent to the engine at the same time."""
PRICES, QUANTITIES = "Array(Decimal(18, 9))", "Array(Decimal(18, 9))"


def books_block(books: Sequence[messages.BookAnswer]) -> bytes:
    """The engine's responses to `book` queries, as one block."""
    import numpy as np

    def prices(sides: list[list[tuple[str, str, int]]]) -> bytes:
        return nested([[parse_nanos(price, "price") for price, _, _ in side] for side in sides])

    def quantities(sides: list[list[tuple[str, str, int]]]) -> bytes:
        return nested([[parse_nanos(quantity, "quantity") for _, quantity, _ in side] for side in sides])

    bids, asks = [book["bids"] for book in books], [book["asks"] for book in books]

    return block(
        len(books),
        [
            ("symbol", "String", strings(book["symbol"] for book in books)),
            ("at", TIME, np.array([book["at"] for book in books], np.int64)),
            ("sequence", "UInt64", np.array([book["sequence"] for book in books], np.uint64)),
            ("bid_prices", PRICES, prices(bids)),
            ("bid_quantities", QUANTITIES, quantities(bids)),
            ("ask_prices", PRICES, prices(asks)),
            ("ask_quantities", QUANTITIES, quantities(asks)),
        ],
    )
