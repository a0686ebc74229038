"""Files as batches of raw rows: CSV with any separator, JSON, Parquet, and Databento's binary form.

A batch is a polars frame whose columns are keys (`formats.form.key`) and `row`, the line in the file from
1. Values are as in the file: text from CSV, text of the shortest form for numbers of JSON, the file's types
from Parquet. A file without a header has the columns 1, 2, 3, ….
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cift.recordings import container
from cift.recordings.container import Part
from cift.recordings.formats.form import key
from cift.recordings.problem import Unreadable
from cift.recordings.values import EMPTY_WORDS, Numbers

if TYPE_CHECKING:
    import polars as pl

JSON_BYTES_MAX = 512 * 1024 * 1024
"""Larger JSON documents must have one object a line."""
PARQUET_ROWS = 250_000
SNIFF_ROWS = 200
_SEPARATORS = "\t;|,"


@dataclass
class Table:
    """Rows of one file."""

    part: Part
    names: list[str]
    """The columns as the file names them; empty for a file without a header."""
    keys: list[str]
    start: pl.DataFrame
    """The first rows, at most SNIFF_ROWS, for recognition."""
    batches: Callable[[], Iterator[pl.DataFrame]]
    numbers: Numbers = field(default_factory=Numbers)
    notes: list[str] = field(default_factory=list)

    @property
    def has_header(self) -> bool:
        return bool(self.names)


def opened(part: Part) -> Table:
    """The table of a part. Raises Unreadable."""
    start = part.start()
    if start.startswith(b"PAR1"):
        return _parquet(part)
    if start.startswith(b"DBN"):
        from cift.recordings import dbn

        return dbn.table(part)
    encoding = container.encoding_of(start)
    text = start.decode(encoding, errors="replace").lstrip("\ufeff \t\r\n")
    return _json(part) if text[:1] in ("{", "[") else _csv(part)


def keys_of(names: list[str]) -> list[str]:
    """Unique keys of these names."""
    found: list[str] = []
    for number, name in enumerate(names, 1):
        head, slash, rest = name.partition("/")
        made = key(head if slash and not rest.isascii() else name) or f"column_{number}"
        found.append(made if made not in found else f"{made}_{number}")
    return found


# --- CSV


def _csv(part: Part) -> Table:
    first = next(container.blocks(part), b"")
    lines = first.split(b"\n", SNIFF_ROWS + 50)
    if b"\n" in first[-1:] or len(first) >= container.SNIFF_BYTES or len(lines) > SNIFF_ROWS:
        lines = lines[:-1]
    skipped = 0
    while skipped < len(lines) and not lines[skipped].strip():
        skipped += 1
    if skipped == len(lines):
        raise Unreadable(f"{part.label} contains no rows")
    sample = [line.decode() for line in lines[skipped : skipped + SNIFF_ROWS] if line.strip()]
    separator = _separator(sample)
    cells = next(csv.reader([sample[0]], delimiter=separator))
    is_header = _is_header(cells)
    if len(cells) == 1:
        raise Unreadable(
            f"{part.label}, row {skipped + 1}: there is one column, {cells[0][:60]!r};"
            " columns are separated by a comma, a semicolon, a tab or |"
        )
    names = cells if is_header else []
    keys = keys_of(cells) if is_header else [str(number) for number in range(1, len(cells) + 1)]
    begin = skipped + (1 if is_header else 0)

    def batches() -> Iterator[pl.DataFrame]:
        line = 0
        for block in container.blocks(part):
            count = block.count(b"\n") + (0 if block.endswith(b"\n") else 1)
            at = line
            if line < begin:
                drop = min(begin - line, count)
                block = block.split(b"\n", drop)[drop] if drop < count else b""
                at += drop
            line += count
            if block.strip():
                yield _rows(part, block, at + 1, keys, separator)

    body = b"\n".join(lines[begin : begin + SNIFF_ROWS])
    start = _rows(part, body, begin + 1, keys, separator) if body.strip() else None
    if start is None or not start.height:
        raise Unreadable(f"{part.label} has a header and no rows")
    comma = separator != "," and _has_decimal_commas(start)
    notes = [f"separator {'tab' if separator == chr(9) else separator}"] if separator != "," else []
    notes += ["decimal commas"] if comma else []
    return Table(part, names, keys, start, batches, Numbers(comma_is_decimal=comma), notes)


def _separator(sample: list[str]) -> str:
    counts = {each: sample[0].count(each) for each in _SEPARATORS}
    best = max(counts.values())
    return next((each for each in _SEPARATORS if counts[each] == best and best), ",")


def _is_header(cells: list[str]) -> bool:
    """Whether these are names: none begins like a number, at least one has a letter."""
    stripped = [cell.strip().strip("\ufeff") for cell in cells]
    if any(re.match(r"[+-]?[\d.]", cell) for cell in stripped):
        return False
    return any(re.search(r"[A-Za-z]", cell) for cell in stripped)


def _has_decimal_commas(start: pl.DataFrame) -> bool:
    columns = [start[name].drop_nulls() for name in start.columns if name != "row"]
    return any(
        column.str.contains(r"^-?\d+,\d+$").any() and column.str.contains(r"^-?\d+(,\d+)?$").all()
        for column in columns
    )


def _rows(part: Part, block: bytes, first_row: int, keys: list[str], separator: str) -> pl.DataFrame:
    """The rows of a block. Raises Unreadable: a row has more fields than the header."""
    import polars as pl

    body = block.lstrip(b"\n")  # polars takes a blank first line for the end
    first_row += len(block) - len(body)
    try:
        frame = pl.read_csv(
            body,
            has_header=False,
            infer_schema=False,
            separator=separator,
            new_columns=keys,
            schema=dict.fromkeys(keys, pl.String),
            null_values=list(EMPTY_WORDS[1:]),
        )
    except pl.exceptions.PolarsError as error:
        raise _field_error(part, body, first_row, keys, separator, error) from None
    frame = frame.with_row_index("row", offset=first_row).with_columns(pl.col("row").cast(pl.Int64))
    return frame.filter(~pl.all_horizontal(pl.col(keys).is_null()))


def _field_error(
    part: Part, block: bytes, first_row: int, keys: list[str], separator: str, error: Exception
) -> Unreadable:
    rows = csv.reader(io.StringIO(block.decode()), delimiter=separator)
    for number, row in enumerate(rows, first_row):
        if len(row) > len(keys):
            return Unreadable(
                f"{part.label}, row {number}: there are {len(row)} fields, but {len(keys)} columns;"
                " remove the additional ones, or put values with a separator in quotes"
            )
    return Unreadable(f"{part.label} cannot be read as a table: its quotes do not match")


# --- JSON


def _json(part: Part) -> Table:
    import orjson

    start = next(container.blocks(part), b"").lstrip(b"\xef\xbb\xbf \t\r\n")
    line = start.split(b"\n", 1)[0]
    try:
        is_lines = isinstance(orjson.loads(line), dict) and len(start.strip()) > len(line.strip())
    except orjson.JSONDecodeError:
        is_lines = False
    if is_lines:
        return _json_lines(part)
    data = b""
    for block in container.blocks(part):
        data += block
        if len(data) > JSON_BYTES_MAX:
            raise Unreadable(
                f"{part.label} is a JSON document of more than {JSON_BYTES_MAX >> 20} MB;"
                " write one object a line"
            )
    try:
        rows = _rows_of(part, orjson.loads(data))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"{part.label}, line {error.lineno}: this is not JSON ({error.msg})") from None
    if not rows:
        raise Unreadable(f"{part.label} contains no rows")
    if isinstance(rows[0], list):
        width = len(rows[0])
        if any(not isinstance(row, list) or len(row) != width for row in rows):
            raise Unreadable(f"{part.label}: the lists have different lengths; write one object a row")
        frame = _frame([dict(zip(map(str, range(1, width + 1)), row, strict=True)) for row in rows], 1)
        keys = [name for name in frame.columns if name != "row"]
        return Table(part, [], keys, frame.head(SNIFF_ROWS), lambda: iter([frame]))
    frame = _frame(rows, 1)
    keys = [name for name in frame.columns if name != "row"]
    return Table(part, keys, keys, frame.head(SNIFF_ROWS), lambda: iter([frame]))


def _rows_of(part: Part, document: Any) -> list[Any]:
    """The rows in a document: a list; an object with a list; or an object of lists by symbol."""
    if isinstance(document, list):
        return document
    for name in ("items", "trades", "quotes", "bars", "data", "results"):
        found = document.get(name)
        head = {each: document[each] for each in ("symbol", "source") if isinstance(document.get(each), str)}
        if isinstance(found, list):
            return [head | row if isinstance(row, dict) else row for row in found]
        if isinstance(found, dict):
            return [{"symbol": symbol, **row} for symbol, rows in found.items() for row in rows]
    raise Unreadable(f"{part.label}: no list of rows; expected a list, or an object with items, trades, …")


def _json_lines(part: Part) -> Table:
    import orjson

    def batches() -> Iterator[pl.DataFrame]:
        row = 0
        for block in container.blocks(part):
            lines = block.split(b"\n")
            if not lines[-1]:
                lines.pop()
            found = []
            for number, line in enumerate(lines, row + 1):
                try:
                    found.append(orjson.loads(line) if line.strip() else {})
                except orjson.JSONDecodeError:
                    raise Unreadable(f"{part.label}, row {number}: this is not a JSON object") from None
            yield _frame(found, row + 1)
            row += len(lines)

    start = next(batches())
    keys = [name for name in start.columns if name != "row"]
    return Table(part, keys, keys, start.head(SNIFF_ROWS), batches)


def _frame(rows: list[dict[str, Any]], first_row: int) -> pl.DataFrame:
    import polars as pl

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {
        made: [_text(row.get(name)) for row in rows] for name, made in zip(names, keys_of(names), strict=True)
    }
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    frame = frame.with_row_index("row", offset=first_row).with_columns(pl.col("row").cast(pl.Int64))
    return frame.filter(~pl.all_horizontal(pl.exclude("row").is_null())) if columns else frame


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    return str(value) if isinstance(value, int | float) else None


# --- Parquet


def _parquet(part: Part) -> Table:
    import polars as pl

    source: Any = part.path
    if not part.is_plain:
        with container.reading(part) as stream:
            source = io.BytesIO(stream.read())
    try:
        lazy = pl.scan_parquet(source)
        schema = lazy.collect_schema()
        rows = int(lazy.select(pl.len()).collect().item())
        metadata = pl.read_parquet_metadata(source)
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise Unreadable(f"{part.label} is not a Parquet file that can be read: {str(error)[:120]}") from None
    names = list(schema.names())
    keys = keys_of(names)
    constants = _nautilus(metadata)

    def part_of(begin: int, count: int) -> pl.DataFrame:
        try:
            frame = pl.scan_parquet(source).slice(begin, count).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise Unreadable(f"{part.label} is damaged: {str(error)[:120]}") from None
        frame.columns = keys
        frame = frame.with_columns(*(_plain(frame[name], metadata) for name in keys))
        frame = frame.with_columns(
            pl.lit(value).alias(name) for name, value in constants.items() if name not in keys
        )
        return frame.with_row_index("row", offset=begin + 1).with_columns(pl.col("row").cast(pl.Int64))

    def batches() -> Iterator[pl.DataFrame]:
        for begin in range(0, rows, PARQUET_ROWS):
            yield part_of(begin, PARQUET_ROWS)

    if not rows:
        raise Unreadable(f"{part.label} contains no rows")
    all_keys = [*keys, *(name for name in constants if name not in keys)]
    return Table(part, names, all_keys, part_of(0, SNIFF_ROWS), batches)


def _plain(column: pl.Series, metadata: dict[str, str]) -> pl.Series:
    """Categories as text, lists as text with commas, Nautilus' binary integers as decimal text."""
    import polars as pl

    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join(",")
    if column.dtype == pl.Binary:
        return column.map_elements(_binary_amount, return_dtype=pl.String)
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        return column.cast(pl.String)
    if column.dtype == pl.Boolean:
        return column.cast(pl.String)
    return column


def _binary_amount(value: bytes) -> str:
    """A fixed-point integer of NautilusTrader: 8 bytes of 1e-9 or 16 bytes of 1e-16."""
    number = int.from_bytes(value, "little", signed=True)
    places = {8: 9, 16: 16}.get(len(value))
    if places is None:
        return "?"
    sign, digits = ("-" if number < 0 else ""), str(abs(number)).rjust(places + 1, "0")
    return f"{sign}{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")


def _nautilus(metadata: dict[str, str]) -> dict[str, str]:
    """Symbol and interval in the metadata of NautilusTrader's files."""
    found: dict[str, str] = {}
    instrument = metadata.get("instrument_id")
    bar_type = metadata.get("bar_type")
    if bar_type:
        instrument, step, unit = [*bar_type.rsplit("-", 4), "", ""][:3]
        letters = {"SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d"}
        if unit in letters:
            found["interval"] = f"{step}{letters[unit]}"
    if instrument:
        found["symbol"] = instrument.rpartition(".")[0] or instrument
    return found
