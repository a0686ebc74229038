"""The error of all readers of recorded market data."""

from __future__ import annotations

from typing import Any


class Unreadable(ValueError):
    """A recording cannot be read, or a value in it is doubtful. The message is one sentence and a remedy."""


def doubtful(file: str, row: int, column: str, value: Any, problem: str, cure: str) -> Unreadable:
    """The error for one value: file, line (from 1, the header included), column, value and remedy."""
    return Unreadable(f"{file}, row {row}, column {column}: {str(value)!r} {problem}; {cure}")
