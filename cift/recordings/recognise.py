"""Which format a table has: the stated one, a named one that fits, or columns by their common names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cift.recordings import formats
from cift.recordings.formats import generic
from cift.recordings.formats.form import Format, key
from cift.recordings.problem import Unreadable
from cift.recordings.table import Table


@dataclass(frozen=True)
class Options:
    """What the caller states about the files; empty values are recognised."""

    format: str = ""
    unit: str = ""
    zone: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Our name → the file's column (name, or number from 1)."""
    symbol: str = ""
    interval: str = ""
    skip_invalid: bool = False
    """Leave out rows with a price or quantity that is empty, zero or negative, and count them."""


def parsed_map(text: str) -> dict[str, str]:
    """`price=last,size=qty` as our names → columns. Raises Unreadable."""
    ours = {other: name for name, others in generic.SYNONYMS.items() for other in others.split()}
    ours |= {name: name for name in generic.SYNONYMS}
    found = {}
    for item in filter(None, (each.strip() for each in text.split(","))):
        name, equals, column = item.partition("=")
        if not equals or key(name) not in ours:
            raise Unreadable(
                f"--map: {item!r} is not name=column with a name of {', '.join(generic.SYNONYMS)}"
            )
        found[ours[key(name)]] = column.strip()
    return found


def recognised(table: Table, options: Options) -> Format:
    """The format of a table. Raises Unreadable: none fits, or the stated one does not."""
    names = formats.of_name(options.format) if options.format else list(formats.ALL)
    if options.format and not names:
        raise Unreadable(f"--format {options.format} is unknown; known are {', '.join(formats.NAMES)}")
    fitting = [each for each in names if _fits(each, table, is_named=bool(options.format))]
    fitting.sort(key=lambda each: (len(each.marks), bool(each.first_row), len(each.shape)), reverse=True)
    chosen = fitting[0] if fitting else None
    if options.format and chosen is None:
        raise Unreadable(
            f"{table.part.label} is not in the format {options.format}: its columns are {_columns(table)}"
        )
    if chosen is not None and chosen.headerless and not table.has_header:
        _rename(table, chosen.headerless)
    named = {name: _column(table, column) for name, column in options.columns.items()}
    if chosen is None:
        chosen = generic.found(table.keys, named) if table.has_header or named else None
    elif named:
        columns = {name: each for name, each in {**chosen.columns, **named}.items() if each}
        chosen = dataclasses.replace(chosen, columns=columns)
    if chosen is None and not table.has_header:
        raise Unreadable(
            f"{table.part.label} has no header, and its first row is of no known format: {_columns(table)};"
            " add a header, give --format, or name columns by number: --map at=1,price=2,quantity=3"
        )
    if chosen is None:
        raise Unreadable(
            f"{table.part.label}: {generic.missing(table.keys)}; its columns are {_columns(table)};"
            " name them with --map, such as --map at=when,price=last,quantity=qty"
        )
    return chosen


def _columns(table: Table) -> str:
    if table.has_header:
        return ", ".join(table.names)
    return ", ".join(str(value) for name, value in table.start.row(0, named=True).items() if name != "row")


def _column(table: Table, column: str) -> str:
    if not column:
        return ""
    if column.isdigit() and 1 <= int(column) <= len(table.keys):
        return table.keys[int(column) - 1]
    if key(column) in table.keys:
        return key(column)
    raise Unreadable(f"--map: {table.part.label} has no column {column}; its columns are {_columns(table)}")


def _fits(form: Format, table: Table, *, is_named: bool) -> bool:
    if form.needs_file_name and form.named(table.part) is None and not is_named:
        return False
    first = table.start.row(0, named=True)
    if table.has_header:
        if not form.marks or not form.marks <= set(table.keys):
            return False
        return all(re.search(each, str(first[name] or "")) for name, each in form.first_row.items())
    if len(form.headerless) != len(table.keys):
        return False
    cells = [str(first[name] or "").strip() for name in table.keys]
    return all(re.fullmatch(each, cell) for each, cell in zip(form.shape, cells, strict=True))


def _rename(table: Table, keys: tuple[str, ...]) -> None:
    before, batches = table.keys, table.batches
    names = dict(zip(before, keys, strict=True))
    table.start = table.start.rename(names)
    table.keys = list(keys)
    table.batches = lambda: (frame.rename(names) for frame in batches())
