"""The stream DLQ: list dead letters, and have them delivered again.

relay, which delivers events to a handler, also delivers its dead letters again. It takes requests at
`relay.<shard>.replay.<function>`, delivers the letter to that handler only, and removes it after the handler
accepted it. So no letter is lost, and a repeated request delivers it once.
"""

import logging
from dataclasses import dataclass
from typing import Any

import orjson

from cift.kernel.clock import rfc3339
from cift.kernel.errors import NotFound, OutcomeUnknown, Refused, Unavailable
from cift.platform import dead_letter
from cift.platform.dead_letter import STREAM, SUBJECTS, Letter
from cift.platform.journal import Message
from cift.platform.nats import BusError, Nats, NoResponders

log = logging.getLogger("cift.dead_letters")
BYTES_MAX = 256 * 1024 * 1024
DUPLICATE_WINDOW_S = 3600.0
"""A message that is stored again within this time, because the acknowledgement was lost, is one letter."""
FOREIGN_MAX = 100
"""The number of DLQ messages that are not dead letters and may be skipped for one page."""
_NO_STREAM = 10059
REPLAY_WITHIN_S = 25.0
"""Below the functions' own timeout, and long enough for a cold start of the handler."""


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter in DLQ; `id` is its sequence there."""

    id: int
    letter: Letter
    put_aside_at: str
    message: Message


async def ensure_stream(js: Any) -> None:
    """Create DLQ where no operator provisions it (charts/cift/templates/streams.yaml has the same values). A
    full DLQ accepts no more letters: the message then stays in its stream, and the error is logged."""
    import nats.js.errors
    from nats.js.api import DiscardPolicy, StorageType, StreamConfig

    config = StreamConfig(
        name=STREAM,
        subjects=[SUBJECTS],
        description="Messages that a handler of effects refused for good.",
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_bytes=BYTES_MAX,
        duplicate_window=DUPLICATE_WINDOW_S,
    )
    try:
        await js.stream_info(STREAM)
    except nats.js.errors.NotFoundError:
        await js.add_stream(config)


async def page(bus: Nats, shard: str, function: str | None, after: int, limit: int) -> list[StoredLetter]:
    """The letters with ids above `after`, oldest first.

    Raises:
        Unavailable: NATS or DLQ is unavailable.
    """
    subject = dead_letter.subject(shard, function or ">")
    found: list[StoredLetter] = []
    for _ in range(limit + FOREIGN_MAX):
        raw = await _message(bus, after + 1, subject)
        if raw is None or len(found) == limit:
            break
        after = raw.seq
        stored = _parse(raw)
        if stored is not None:
            found.append(stored)
    return found


async def find(bus: Nats, id: int) -> StoredLetter:
    """The letter with this id.

    Raises:
        NotFound: `unknown_dead_letter`: there is no such letter, or it was removed.
        Unavailable: NATS or DLQ is unavailable.
    """
    raw = await _message(bus, id, None)
    stored = _parse(raw) if raw is not None else None
    if stored is None:
        raise _unknown()
    return stored


async def replay(bus: Nats, shard: str, stored: StoredLetter) -> None:
    """Deliver a letter to its handler again; returns after the handler accepted it and DLQ removed it.

    Raises:
        Refused: `poison`: the handler refused it again; the letter stays in DLQ.
        Unavailable: `handler_failed`, `handler_away`: the letter stays in DLQ; retry later.
        NotFound: the letter was removed meanwhile.
        OutcomeUnknown: no response in time.
    """
    function = stored.letter.function
    request = orjson.dumps({"sequence": stored.id, "within_ms": int(REPLAY_WITHIN_S * 1000)})
    try:
        reply = await bus.request(
            dead_letter.replay_subject(shard, function), request, timeout_s=REPLAY_WITHIN_S
        )
    except NoResponders:
        raise Unavailable("handler_away", f"No process delivers events to {function} at present") from None
    except BusError:
        raise OutcomeUnknown(str(stored.id)) from None
    result = orjson.loads(reply.data)
    match result["outcome"]:
        case "done":
            return
        case "poison":
            raise Refused("poison", f"{function} refuses it again: {result['message']}")
        case "gone":
            raise _unknown()
        case _:
            raise Unavailable("handler_failed", f"{function}: {result['message']}")


def _unknown() -> NotFound:
    return NotFound("unknown_dead_letter", "There is no dead letter with this id (any more)", "id")


def _parse(raw: Any) -> StoredLetter | None:
    """The dead letter of a DLQ message; None if the message is not a dead letter."""
    letter = Letter(raw.subject or "", dict(raw.headers or {}), raw.data or b"")
    try:
        message = letter.batch().items[0]
    except Refused:
        log.warning("message %d of %s is not a dead letter", raw.seq, STREAM)
        return None
    assert isinstance(message, Message)
    return StoredLetter(raw.seq, letter, rfc3339(int(raw.time.timestamp() * 1e6) * 1000), message)


async def _message(bus: Nats, sequence: int, subject: str | None) -> Any | None:
    """The DLQ message at `sequence`; with `subject`, the first one of that subject from there on. None if
    there is none."""
    if not 1 <= sequence < 2**63:
        return None  # NATS refuses such a number like a stream that does not respond
    js = await bus.jetstream()
    import nats.errors
    import nats.js.errors

    try:
        if subject is None:
            return await js.get_msg(STREAM, sequence)
        return await js.get_msg(STREAM, sequence, subject=subject, next=True)
    except nats.js.errors.NotFoundError as error:
        if error.err_code == _NO_STREAM:
            raise Unavailable("no_dead_letters", f"There is no stream {STREAM}") from None
        return None
    except (nats.errors.Error, TimeoutError) as error:
        raise Unavailable("no_dead_letters", f"The stream {STREAM} does not respond") from error
