"""Blocks of ClickHouse's format Native, from columns.

A block holds the number of columns, the number of rows, and for each column its name, its type and its
values in their memory layout. So a NumPy column becomes part of an insert without conversion: the embedded
engine takes 2 to 4 million ticks a second this way. A driver that makes Python objects of them takes
seconds.

Decimals are integers (a Decimal64(9) is nanos in an int64, a Decimal128 two words), and so are times.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

NANOS = "Decimal(18, 9)"
WIDE_NANOS = "Decimal(38, 9)"
TIME = "DateTime64(9, 'UTC')"

Column = tuple[str, str, Any]
"""Name, type, values: a contiguous array of the type's own width, or the bytes from `strings`, `wide` or
`nested`."""


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text(text: str) -> bytes:
    data = text.encode()
    return _varint(len(data)) + data


def same(text: str, rows: int) -> bytes:
    """A String column with the same value in every row."""
    return _text(text) * rows


def strings(texts: Iterable[str]) -> bytes:
    """A String column; the server converts it to UUID, enum or LowCardinality."""
    return b"".join(map(_text, texts))


def wide(numbers: Iterable[int]) -> bytes:
    """A Decimal128 column, from integers in units of its last decimal."""
    return b"".join(number.to_bytes(16, "little", signed=True) for number in numbers)


def nested(rows: Sequence[Sequence[int]]) -> bytes:
    """An Array(Decimal64) column."""
    import numpy as np

    ends = np.fromiter(accumulate(map(len, rows)), np.uint64, len(rows))
    flat = np.fromiter((value for row in rows for value in row), np.int64)
    return ends.tobytes() + flat.tobytes()


def block(rows: int, columns: Sequence[Column]) -> bytes:
    """One block. Asserts that each array has `rows` values."""
    parts: list[Any] = [_varint(len(columns)), _varint(rows)]
    for name, kind, values in columns:
        if not isinstance(values, bytes):
            assert len(values) == rows and values.flags.c_contiguous, name
            values = values.view("u1").data if values.size else b""
        parts += [_text(name), _text(kind), values]
    return b"".join(parts)
