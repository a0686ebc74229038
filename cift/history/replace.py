"""Replaces what the tick stores have of one feed, symbol and kind in a span by the ticks of a source.

The stored ticks of the span are read and compared by identity: time and sequence. Equal ticks are not sent.
New and changed ones are sent as messages of TICKS; a tick that the source no longer has is sent with
quantities below 0, which all reads leave out (`REMOVED`). So a load that changes nothing sends nothing, and
one that is interrupted can be repeated.

The bars of ClickHouse add up messages, which is right for new ticks. After a load that replaced or removed
ticks, `Replacing.finish` has the bars of their days computed again from the ticks
(`Ticks.publish_rebuild`), when all messages of the load are archived: a message that is delivered again
later would otherwise be counted twice.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from cift.contracts.conditions import OUT_OF_SEQUENCE
from cift.history.batches import COLUMNS, Kind, to_messages
from cift.kernel.errors import Conflict, Unavailable
from cift.platform.tick_stream import Ticks
from cift.recordings.numbering import FROM_BAR

if TYPE_CHECKING:
    import polars as pl

CHUNK_TICKS = 65_536
"""Ticks of one symbol that are compared at a time."""
MESSAGES_IN_FLIGHT_MAX = 16
WAITING_MAX = 600
"""Messages that may wait for the archive: about 250 MB of the stream's limit."""
CHECK_EVERY_MESSAGES = 64
PAUSE_S = 0.1
ARCHIVE_PATIENCE_S = 60.0
"""The archive may make no progress for this long."""
REMOVED = -1
"""Quantity of a removed tick."""
SEQUENCE_MAX = 2**64 - 1
Place = tuple[int, int]
"""Time and sequence."""


class Stored(Protocol):
    """Reads what is stored."""

    async def ticks(
        self, symbol: str, feed: str, kind: Kind, since_ns: int, until_ns: int
    ) -> pl.DataFrame | None:
        """The ticks in [since, until) with the columns of `batches.COLUMNS`; None: the store has no tick of
        this symbol and feed. Raises Unavailable."""

    async def has_any(self, symbol: str, feed: str, kind: Kind, since_ns: int, until_ns: int) -> bool:
        """Whether there is a tick in [since, until). Raises Unavailable."""


@dataclass
class Counts:
    """The result of a load, in ticks: what the source has, and what became of the stored ones."""

    ticks: int = 0
    same: int = 0
    new: int = 0
    replaced: int = 0
    removed: int = 0
    messages: int = 0


@dataclass
class Replacing:
    """One load: its counts, its messages, and the bars that it changed."""

    ticks: Ticks
    stored: Stored
    progress: Callable[[str, int], None]
    """Called with a symbol and the number of ticks that were compared."""
    resend: bool = False
    """Send also what is stored, for a second store that lacks it."""
    counts: Counts = field(default_factory=Counts)
    _load: str = field(default_factory=lambda: uuid.uuid4().hex)
    _last: int = 0
    _changed: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """(feed, symbol) → first and last time of changed trades."""

    async def send(
        self, frame: pl.DataFrame, feed: str, symbol: str, kind: Kind, *, corrects: bool = False
    ) -> None:
        """Publish these ticks; `corrects`: the store has other ticks or the same in their places. Raises
        Unavailable."""
        if not frame.height:
            return
        if kind == "trade" and corrects:
            first, last = int(frame["at"].min()), int(frame["at"].max())  # type: ignore[arg-type]
            before = self._changed.get((feed, symbol), (first, last))
            self._changed[feed, symbol] = (min(first, before[0]), max(last, before[1]))
        slots = asyncio.Semaphore(MESSAGES_IN_FLIGHT_MAX)

        async def put(batch: bytes, number: int) -> None:
            try:
                sequence = await self.ticks.publish_loaded(feed, symbol, batch, f"{self._load}:{number}")
                self._last = max(self._last, sequence)
            finally:
                slots.release()

        try:
            async with asyncio.TaskGroup() as sending:
                for message in to_messages(frame, feed, symbol, kind):
                    if self.counts.messages % CHECK_EVERY_MESSAGES == 0:
                        await self._wait_for_archive()
                    await slots.acquire()
                    self.counts.messages += 1
                    sending.create_task(put(message.batch, self.counts.messages))
        except* Exception as group:
            raise _first(group) from None

    async def _wait_for_archive(self) -> None:
        while await self.ticks.pending() > WAITING_MAX:  # noqa: ASYNC110 (the queue of another process)
            await asyncio.sleep(PAUSE_S)

    def note(self, sequence: int) -> None:
        """Another message of this load, by its sequence in the stream."""
        self._last = max(self._last, sequence)

    async def archived(self) -> None:
        """Wait until all messages are in the tick stores.

        Raises:
            Unavailable: the archive makes no progress.
        """
        waited, before = 0.0, -1
        while True:
            done = await self.ticks.archived()
            if done >= self._last:
                return
            waited = waited + PAUSE_S if done == before else 0.0
            before = done
            if waited > ARCHIVE_PATIENCE_S:
                raise Unavailable(
                    "archive_behind",
                    f"{self._last - done} messages are in the stream, but the archive does not take them."
                    " They are stored when it does; see `cift dlq list` and the log of the functions",
                )
            await asyncio.sleep(PAUSE_S)

    async def finish(self) -> None:
        """Wait for the archive; then have the changed bars computed again, and wait for that. Raises
        Unavailable."""
        await self.archived()
        for (feed, symbol), (first, last) in self._changed.items():
            self._last = max(self._last, await self.ticks.publish_rebuild(feed, symbol, first, last))
        self._changed.clear()
        await self.archived()


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


class Replacement:
    """The ticks of one feed, symbol and kind; `add` them in order, then `end`."""

    def __init__(
        self,
        load: Replacing,
        feed: str,
        symbol: str,
        kind: Kind,
        first: Place,
        last_ns: int,
        *,
        ends_at_last_tick: bool = False,
    ) -> None:
        """The span goes from `first` to the end of the instant `last_ns`, or to the last tick that is added.
        The latter is for ticks with the provider's ids: of an instant that two files share, each has some.
        """
        self._load, self._feed, self._symbol, self._kind = load, feed, symbol, kind
        self._begin, self._last_ns, self._ends_at_last_tick = first, last_ns, ends_at_last_tick
        self._pending: list[pl.DataFrame] = []
        self._rows = 0
        self._has_stored: bool | None = None

    async def add(self, frame: pl.DataFrame) -> None:
        """Raises Unavailable, Conflict (the stored ticks are bars, or the other way round)."""
        self._pending.append(frame.select(COLUMNS[self._kind]))
        self._rows += frame.height
        if self._rows >= CHUNK_TICKS:
            await self._compare(None)

    async def end(self) -> None:
        """Raises as `add`."""
        if not self._ends_at_last_tick:
            await self._compare((self._last_ns, SEQUENCE_MAX))
        elif self._pending:
            await self._compare(None)

    async def _compare(self, until: Place | None) -> None:
        import polars as pl

        chunk = pl.concat(self._pending) if self._pending else None
        self._pending, self._rows = [], 0
        if until is None:
            assert chunk is not None
            until = (int(chunk["at"][-1]), int(chunk["sequence"][-1]))
        known = await self._known(self._begin, until)
        if chunk is None:
            if known is None:
                return
            chunk = known.clear()
        self._begin = (until[0], until[1] + 1)
        counts = self._load.counts
        counts.ticks += chunk.height
        self._load.progress(self._symbol, chunk.height)
        if known is None or not known.height:
            counts.new += chunk.height
            await self._load.send(chunk, self._feed, self._symbol, self._kind)
            return
        self._check_kind(chunk, known)
        changes = differences(chunk, known, self._kind)
        counts.new += changes.new
        counts.replaced += changes.replaced
        counts.removed += changes.removed
        counts.same += chunk.height - changes.new - changes.replaced
        to_send = changes.frame
        if self._load.resend:
            gone = changes.frame.join(chunk, on=["at", "sequence"], how="anti")
            to_send = pl.concat([chunk, gone]).sort("at", "sequence")
        corrects = bool(changes.replaced or changes.removed or self._load.resend)
        await self._load.send(to_send, self._feed, self._symbol, self._kind, corrects=corrects)

    async def _known(self, begin: Place, until: Place) -> pl.DataFrame | None:
        """The stored ticks between two places, both included; None if there are none."""
        import polars as pl

        stored = self._load.stored
        names = (self._symbol, self._feed, self._kind)
        if self._has_stored is None:
            self._has_stored = await stored.has_any(*names, begin[0], self._last_ns + 1)
        if not self._has_stored:
            return None
        found = await stored.ticks(*names, begin[0], until[0] + 1)
        if found is None:
            return None
        at, sequence = pl.col("at"), pl.col("sequence")
        after = (at > begin[0]) | ((at == begin[0]) & (sequence >= begin[1]))
        before = (at < until[0]) | ((at == until[0]) & (sequence <= until[1]))
        return found.filter(after & before).select(COLUMNS[self._kind])

    def _check_kind(self, chunk: pl.DataFrame, known: pl.DataFrame) -> None:
        if self._kind != "trade" or not chunk.height:
            return
        is_bars = bool(int(chunk["conditions"][0]) & FROM_BAR)
        if bool(int(known["conditions"][0]) & FROM_BAR) != is_bars:
            one, other = ("bars", "trades") if is_bars else ("trades", "bars")
            raise Conflict(
                "other_kind",
                f"The feed {self._feed} has {other} of {self._symbol} in this span, the file has {one}:"
                " give another --feed",
            )


@dataclass(frozen=True, slots=True)
class Differences:
    """What differs, as ticks to send, sorted by time and sequence."""

    frame: pl.DataFrame
    new: int
    replaced: int
    removed: int


def differences(chunk: pl.DataFrame, known: pl.DataFrame, kind: Kind) -> Differences:
    """What has to be sent so that `known` becomes `chunk`. Pure."""
    import polars as pl

    keys = ["at", "sequence"]
    values = [name for name in COLUMNS[kind] if name not in keys]
    new = chunk.join(known, on=keys, how="anti")
    both = chunk.join(known, on=keys, how="inner", suffix="_before")
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_before") for name in values)
    replaced = both.filter(differs).select(COLUMNS[kind])
    removed = known.join(chunk, on=keys, how="anti")
    frame = pl.concat([new, replaced, gone(removed, kind)]).sort(keys)
    return Differences(frame, new.height, replaced.height, removed.height)


def gone(frame: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """These ticks as removed ones. The condition keeps them out of bars."""
    import polars as pl

    if kind == "trade":
        made = {"price": 0, "quantity": REMOVED, "side": 0, "conditions": OUT_OF_SEQUENCE}
    else:
        made = {"bid": 0, "bid_quantity": REMOVED, "ask": 0, "ask_quantity": REMOVED}
    return frame.with_columns(
        pl.lit(value).cast(frame.schema[name]).alias(name) for name, value in made.items()
    ).select(COLUMNS[kind])
