"""Output: a table, or JSON with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

AsJson = Annotated[bool, typer.Option("--json", help="Print the API's JSON.")]
Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=100_000, help="At most this many, newest first.")
]

Start = Annotated[str | None, typer.Option("--from", help="RFC 3339 time; only items of it or later.")]
End = Annotated[str | None, typer.Option("--to", help="RFC 3339 time; only items before it.")]

PADDING = 2
"""Cells between the columns of a table."""
WRAPPED_WIDTH = 10
"""The narrowest column of text that is wrapped."""
PIPED_WIDTH = 240
"""Width of output that is not a terminal: wide enough that nothing is cut or wrapped."""

console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


@dataclass(frozen=True)
class Column:
    """A column: its title, the item's key, and the text of a value."""

    title: str
    key: str
    show: Callable[[Any], str | Text] = str
    right: bool = False
    wraps: bool = False
    """Whether its text is wrapped if the table is wider than the terminal."""


def text(title: str, key: str) -> Column:
    return Column(title, key)


def prose(title: str, key: str) -> Column:
    """Text that may be wrapped."""
    return Column(title, key, wraps=True)


def number(title: str, key: str) -> Column:
    """A number with thousands separators, right-aligned."""
    return Column(title, key, _number, right=True)


def money(title: str, key: str) -> Column:
    """A price or an amount of money, with at least two decimals."""
    return Column(title, key, padded, right=True)


def signed(title: str, key: str) -> Column:
    """A profit (green) or loss (red), with at least two decimals."""
    return Column(title, key, _signed, right=True)


def moment(title: str, key: str) -> Column:
    """A time in the local time zone, with its offset."""
    return Column(title, key, _moment)


def words(title: str, key: str) -> Column:
    """A list of words."""
    return Column(title, key, " ".join)


def side(title: str, key: str) -> Column:
    return Column(title, key, _side)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def table(items: Iterable[dict[str, Any]], columns: Sequence[Column], empty: str) -> Table | Text:
    """The items as a table, or the text `empty`. Where a table is wider than the terminal, each item is some
    lines, so that nothing is cut."""
    rows = list(items)
    if not rows:
        return Text(empty, style="dim")
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.wraps,
            overflow="fold" if column.wraps else "ellipsis",
        )
    for row in rows:
        drawn.add_row(*(_cell(column, row.get(column.key)) for column in columns))
    if _width(rows, columns) > console.width:
        return Text("\n").join(_lines(row, columns, console.width) for row in rows)
    return drawn


def _width(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> int:
    """The cells that a table needs so that nothing is cut; text that may be wrapped needs few."""
    total = 0
    for column in columns:
        cells = [_cell(column, row.get(column.key)) for row in rows]
        widest = max(len(column.title), *(len(cell) for cell in cells))
        total += (WRAPPED_WIDTH if column.wraps else widest) + PADDING
    return total - PADDING


def _lines(item: dict[str, Any], columns: Sequence[Column], width: int) -> Text:
    """An item as lines of at most `width` cells: its values with their titles, the first one alone."""
    found, used = Text(), 0
    for place, column in enumerate(columns):
        value = item.get(column.key)
        if value is None:
            continue
        cell = column.show(value)
        part = (
            Text.assemble((f"{column.title} ", "dim"), cell) if place else Text.assemble((str(cell), "bold"))
        )
        if not found or place == 0:
            found.append_text(part)
            used = width  # the next value begins a line
            continue
        if used + 2 + part.cell_len > width:
            found.append("\n  ")
            used = 2
        else:
            found.append("  ")
            used += 2
        found.append_text(part)
        used += part.cell_len
    return found


def record(item: dict[str, Any], columns: Sequence[Column]) -> Table:
    """One item: a line for each field with a value."""
    drawn = Table(box=None, show_header=False, pad_edge=False)
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(no_wrap=True)
    for column in columns:
        if item.get(column.key) is not None:
            drawn.add_row(column.title, _cell(column, item[column.key]))
    return drawn


def show_list(items: list[dict[str, Any]], columns: Sequence[Column], empty: str, as_json: bool) -> None:
    if as_json:
        print_json(items)
    else:
        console.print(table(items, columns, empty))


def show_record(item: dict[str, Any], columns: Sequence[Column], as_json: bool) -> None:
    if as_json:
        print_json(item)
    else:
        console.print(record(item, columns))


def _cell(column: Column, value: Any) -> str | Text:
    return Text("–", style="dim") if value is None else column.show(value)


def _number(value: Any) -> str:
    try:
        return f"{Decimal(str(value)):,f}"
    except InvalidOperation:
        return str(value)


def padded(value: Any) -> str:
    """The number with at least two decimals: `13.9` as `13.90`."""
    whole, _, fraction = _number(value).partition(".")
    return f"{whole}.{fraction.ljust(2, '0')}" if whole.lstrip("-")[:1].isdigit() else whole


def _signed(value: Any) -> Text:
    shown = padded(value)
    if shown.strip("-0.,") == "":
        return Text(shown)
    return Text(shown, style="red") if shown.startswith("-") else Text(shown, style="green")


def _moment(value: Any) -> str:
    try:
        local = datetime.fromisoformat(str(value)).astimezone()
    except ValueError:
        return str(value)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03d}{local:%z}"


def _side(value: Any) -> Text:
    return Text(
        str(value), style={"buy": "green", "long": "green", "sell": "red", "short": "red"}.get(value, "")
    )
