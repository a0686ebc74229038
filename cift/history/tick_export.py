"""Ticks of a range as JSON, CSV or Parquet, streamed page by page.

One page at a time is queried, serialized and released. So ten million ticks take no more memory than one
page, and no store query stays open while a slow client reads. The order is by time, then sequence. The
next page begins after the last row of the page before.
"""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from cift.history.rules import Range
from cift.history.tick_store import Kind, TextForm, TickPage, TickStore
from cift.kernel.clock import parse_rfc3339

PAGE_TICKS = 100_000
Form = Literal["json", "csv", "parquet"]
MEDIA_TYPES = {"json": "application/json", "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True)
class Export:
    """The ticks to export, at most `limit` of them. None: all of the range."""

    symbol: str
    source: str
    kind: Kind
    range: Range
    limit: int | None


async def pages(export: Export, form: Form, store: TickStore) -> AsyncIterator[bytes]:
    """The response's body, in pieces.

    Raises:
        Unavailable: the store cannot be reached. The status 200 is sent with the first piece, so after it
            the client receives an incomplete body instead of an error.
    """
    writer: Any = _Parquet() if form == "parquet" else (_Csv() if form == "csv" else _Json(export))
    since, after, left = export.range.since_ns, 0, export.limit
    while True:
        limit = PAGE_TICKS if left is None else min(PAGE_TICKS, left)
        page = TickPage(export.symbol, export.source, export.kind, since, export.range.until_ns, after, limit)
        rows, last, piece = await writer.page(store, page)
        if piece:
            yield piece
        left = None if left is None else left - rows
        if rows < limit or left == 0:
            break
        since, after = last
    end = writer.end()
    if end:
        yield end


Piece = tuple[int, tuple[int, int], bytes]
"""Number of rows, (time, sequence) of the last one, and the bytes to send."""


class _Json:
    def __init__(self, export: Export) -> None:
        head = {"symbol": export.symbol, "source": export.source, "kind": export.kind}
        self._begin = orjson.dumps(head)[:-1] + b',"items":['
        self._comma = b""

    async def page(self, store: TickStore, page: TickPage) -> Piece:
        text = (await store.text(page, "JSONEachRow")).rstrip(b"\n")
        begin, self._begin = self._begin, b""
        if not text:
            return 0, (0, 0), begin
        last = orjson.loads(text[text.rfind(b"\n") + 1 :])
        piece = begin + self._comma + text.replace(b"\n", b",\n")
        self._comma = b",\n"
        return text.count(b"\n") + 1, (_parse_ns(last["at"]), int(last["sequence"])), piece

    def end(self) -> bytes:
        return b"]}\n"


class _Csv:
    def __init__(self) -> None:
        self._form: TextForm = "CSVWithNames"

    async def page(self, store: TickStore, page: TickPage) -> Piece:
        text = await store.text(page, self._form)
        rows = text.count(b"\n") - (self._form == "CSVWithNames")
        self._form = "CSV"
        if not rows:
            return 0, (0, 0), text
        at, sequence, _ = text[text.rfind(b"\n", 0, -1) + 1 :].split(b",", 2)
        return rows, (_parse_ns(at.strip(b'"').decode()), int(sequence)), text

    def end(self) -> bytes:
        return b""


class _Sink(io.RawIOBase):
    """A write-only file in memory. `take()` returns and removes what was written since the last call. The
    file's position counts all bytes ever written, because Parquet stores offsets from the file's start."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._length

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._length += len(part)
        return len(part)

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _Parquet:
    """One row group a page."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer: Any = None

    async def page(self, store: TickStore, page: TickPage) -> Piece:
        table = await store.table(page)
        piece = await asyncio.to_thread(self._write, table)
        if not table.num_rows:
            return 0, (0, 0), piece
        at, sequence = table.column("at"), table.column("sequence")
        return table.num_rows, (at[-1].value, sequence[-1].as_py()), piece

    def _write(self, table: Any) -> bytes:
        import pyarrow.parquet

        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._sink, table.schema, compression="zstd")
        if table.num_rows:
            self._writer.write_table(table)
        return self._sink.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._sink.take()


def _parse_ns(text: str) -> int:
    nanoseconds = parse_rfc3339(text)
    assert nanoseconds is not None, f"the tick store returned the time {text!r}, which is not RFC 3339"
    return nanoseconds
