"""What a named format of market data files declares. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cift.recordings.container import Part
from cift.recordings.values import SIDES

Kind = Literal["trade", "quote", "bar"]
Conditions = Literal["bits", "letters", "numbers"]
NEW_YORK = "America/New_York"

INTEGER = r"\d+"
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
EPOCH = r"\d{10}|\d{13}|\d{16}|\d{19}"
WORD = r"(?i)true|false"


@dataclass(frozen=True, slots=True)
class Format:
    """One layout of rows. Column names are keys: lower case, other characters than letters and digits as `_`.

    A file is recognised by the columns of its header (`marks`), or without a header by the number of columns
    and the form of its first row (`shape`). `first_row` and `file_name` must also match if they are given.
    """

    name: str
    kinds: tuple[Kind, ...]
    columns: Mapping[str, str | tuple[str, ...]]
    """Our name → the file's key, or several keys that are joined with a space (date and time)."""
    marks: frozenset[str] = frozenset()
    headerless: tuple[str, ...] = ()
    """Keys of the columns of files without a header."""
    shape: tuple[str, ...] = ()
    """A regular expression for each column of a headerless first row."""
    first_row: Mapping[str, str] = field(default_factory=dict)
    """Key → regular expression that the first value must match."""
    file_name: str = ""
    """A regular expression with the optional groups symbol, day and interval."""
    needs_file_name: bool = False
    sides: Mapping[str, int] = field(default_factory=lambda: SIDES)
    unit: str | None = None
    zone: str | None = None
    """Of times without an offset; None: unknown, UTC is assumed."""
    since_midnight: Literal["", "ms", "s"] = ""
    """Times are milliseconds or seconds since the midnight of the day in the file's name."""
    price_scale: int = 0
    """Prices are whole numbers of 10^-scale."""
    has_ids: bool = False
    """Whether ids are unique within an instant and ascend with time."""
    conditions: Conditions = "bits"
    seconds: int | None = None
    """The length of a bar; None: from the file's name, or from the distance of the bars."""
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Only rows with one of these values in this column."""
    trade_if: tuple[str, tuple[str, ...]] | None = None
    """In files of several kinds: a row is a trade if this column has one of these values."""
    fills_forward: tuple[str, ...] = ()
    """An empty or zero value of these columns repeats the last one."""
    empties: tuple[str, ...] = ()
    """Words that mean no value, in addition to the usual ones."""
    sizes_unknown: bool = False
    """Quotes have no sizes: 1 is used."""
    skips_invalid: bool = False
    """Rows without a valid price or quantity are usual, and are left out."""
    uses_folders: bool = False
    """`file_name` describes the last five parts of the path."""

    def named(self, part: Part) -> re.Match[str] | None:
        """The match of `file_name` with the file's name or path; None if it does not match."""
        if not self.file_name:
            return None
        return re.search(self.file_name, "/".join(part.path.parts[-5:]) if self.uses_folders else part.name)


def key(name: str) -> str:
    """The key of a column's name: `<DATE>` → date, `Adj Close` → adj_close, `isBuyerMaker` → isbuyermaker."""
    return re.sub(r"[^0-9a-z]+", "_", name.strip().lower()).strip("_")


def marks(text: str) -> frozenset[str]:
    return frozenset(text.split())


INTERVALS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def seconds_of(interval: str) -> int | None:
    """The seconds of 1m, 5M, 60, 1D, D, H1, M15 (a bare number is minutes); None if it is no interval."""
    interval = {"minute": "1m", "second": "1s", "hour": "1h", "daily": "1d"}.get(interval.lower(), interval)
    found = re.fullmatch(r"(\d*)([a-zA-Z]?)|([a-zA-Z])(\d+)", interval.strip())
    if found is None or not interval.strip():
        return None
    number, unit = (found[1], found[2]) if found[3] is None else (found[4], found[3])
    if not unit:
        return int(number) * 60
    if unit == "M" and found[3] is None and number and int(number) == 1 and interval == "1M":
        return None  # a month has no fixed length
    seconds = INTERVALS.get(unit.lower())
    return None if seconds is None else int(number or 1) * seconds
