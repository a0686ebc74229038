"""Records of the journal and messages of other streams, as event functions receive them.

relay delivers them, and `cift/host/push.py` receives them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cift_core import wire

from cift.kernel.errors import Poison

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

log = logging.getLogger("cift.journal")
TRACES_LOGGED_MAX = 8
_NO_TRACE = "0" * 32


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a stream."""

    sequence: int
    """Of the stream, from 1."""
    subject: str
    data: bytes
    headers: dict[str, str]
    timestamp_ns: int
    """When the stream took it: ns since the epoch."""

    @property
    def traceparent(self) -> str | None:
        """The trace contexts of a traced message, separated by commas."""
        return self.headers.get("traceparent")


class JournalRecord:
    """One record of the journal: commands and the events that they caused, decoded on first use."""

    def __init__(self, sequence: int, data: bytes, traceparent: str | None = None) -> None:
        self.sequence = sequence
        """Stream sequence, from 1, without gaps."""
        self.data = data
        self.traceparent = traceparent
        """The trace contexts of its traced commands, separated by commas. They are in the headers of the
        message, not in the record."""

    @cached_property
    def record(self) -> messages.Record:
        """The decoded record.

        Raises:
            Poison: these bytes are not a record; retrying cannot help.
        """
        try:
            decoded: messages.Record = wire.decode_record(self.data)
        except ValueError as error:
            raise Poison(f"record {self.sequence} of the journal cannot be read: {error}") from error
        return decoded

    @property
    def timestamp(self) -> int:
        """ns since the epoch, the same for all commands of the record."""
        return self.record["timestamp"]

    @property
    def entries(self) -> list[messages.Entry]:
        """Command, outcome and events of each command, in order."""
        return self.record["entries"]


@dataclass(frozen=True, slots=True)
class Batch(Sequence[Any]):
    """What an event function is called with: records (of the journal) or messages, oldest first."""

    stream: str
    shard: str
    journal_id: str
    """Differs between the old journal and a new or restored one; empty for other streams."""
    items: list[Any]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: Any) -> Any:
        return self.items[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


def log_traces(items: Sequence[JournalRecord], took_s: float) -> None:
    """Log one line with the trace ids of the commands that were processed, to follow an order from its
    request to its row. Records that the function did not decode are left out."""
    if not log.isEnabledFor(logging.INFO):
        return
    traces: dict[str, None] = {}
    for item in items:
        if "record" not in item.__dict__:
            continue
        for entry in item.entries:
            trace_id = entry["command"].get("trace_id")
            if trace_id and trace_id != _NO_TRACE:
                traces[trace_id] = None
                if len(traces) >= TRACES_LOGGED_MAX:
                    break
    if traces:
        log.info(
            "records processed",
            extra={
                "first": items[0].sequence,
                "last": items[-1].sequence,
                "trace_ids": list(traces),
                "took_ms": round(took_s * 1000, 3),
            },
        )
