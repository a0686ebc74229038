"""Stream DLQ: letters put aside, looked at, and brought again.

A letter is brought again by whoever brings events to its handler (relay in a cluster, `pump.py` within
one process), who is asked at `relay.<shard>.replay.<function>`, posts it to that handler only, and
removes it once it was taken. So it is never lost, and asked twice it is done once.
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
"""Within it a message that is put aside again (its acknowledgement was lost) is one letter."""
FOREIGN_MAX = 100
"""Messages of DLQ that are no letters, and are passed over for one page."""
_NO_STREAM = 10059
REPLAY_WITHIN_S = 25.0
"""Below the functions' own timeout; a function may have to wake."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter in DLQ."""

    id: int
    letter: Letter
    put_aside_at: str
    message: Message


async def ensure_stream(js: Any) -> None:
    """Have DLQ, where no operator provisions it (charts/cift/templates/streams.yaml says the same). A full
    DLQ takes no more: what would be put aside stays where it is, with an alarm."""
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


async def put_aside(js: Any, letter: Letter) -> None:
    """Returns once JetStream has it. Raises nats.errors.Error."""
    await js.publish(letter.subject, letter.body, headers=dict(letter.headers), timeout=5)


async def page(bus: Nats, shard: str, function: str | None, after: int, limit: int) -> list[Kept]:
    """Letters behind `after`, oldest first.

    Raises:
        Unavailable: the bus or DLQ is not there.
    """
    wanted = dead_letter.subject(shard, function or ">")
    found: list[Kept] = []
    for _ in range(limit + FOREIGN_MAX):
        raw = await _message(bus, after + 1, wanted)
        if raw is None or len(found) == limit:
            break
        after = raw.seq
        kept = _kept(raw)
        if kept is not None:
            found.append(kept)
    return found


async def find(bus: Nats, id: int) -> Kept:
    """The letter.

    Raises:
        NotFound: `unknown_dead_letter`: there is none (any more).
        Unavailable: the bus or DLQ is not there.
    """
    raw = await _message(bus, id, None)
    kept = _kept(raw) if raw is not None else None
    if kept is None:
        raise _unknown()
    return kept


async def remove(bus: Nats, id: int) -> None:
    """Remove a letter that was taken. Raises nats.errors.Error."""
    await (await bus.jetstream()).delete_msg(STREAM, id)


async def replay(bus: Nats, shard: str, kept: Kept) -> None:
    """Bring a letter to its handler once more; returns once it was taken and is gone.

    Raises:
        Refused: `poison`: refused again, with the new sentence; it stays.
        Unavailable: `handler_failed`, `handler_away`: not now; it stays.
        NotFound: somebody else had it brought meanwhile.
        OutcomeUnknown: no answer in time.
    """
    function = kept.letter.function
    question = orjson.dumps({"sequence": kept.id, "within_ms": int(REPLAY_WITHIN_S * 1000)})
    try:
        reply = await bus.request(
            dead_letter.replay_subject(shard, function), question, timeout_s=REPLAY_WITHIN_S
        )
    except NoResponders:
        raise Unavailable("handler_away", f"Nobody brings events to {function} at present") from None
    except BusError:
        raise OutcomeUnknown(str(kept.id)) from None
    said = orjson.loads(reply.data)
    match said["outcome"]:
        case "done":
            return
        case "poison":
            raise Refused("poison", f"{function} refuses it again: {said['message']}")
        case "gone":
            raise _unknown()
        case _:
            raise Unavailable("handler_failed", f"{function}: {said['message']}")


def _unknown() -> NotFound:
    return NotFound("unknown_dead_letter", "There is no such dead letter (any more)", "id")


def _kept(raw: Any) -> Kept | None:
    """The letter that a message of DLQ is; None where somebody else put something there."""
    letter = Letter(raw.subject or "", dict(raw.headers or {}), raw.data or b"")
    try:
        message = letter.batch().items[0]
    except Refused:
        log.warning("message %d of %s is no dead letter", raw.seq, STREAM)
        return None
    assert isinstance(message, Message)
    return Kept(raw.seq, letter, rfc3339(int(raw.time.timestamp() * 1e6) * 1000), message)


async def _message(bus: Nats, sequence: int, subject: str | None) -> Any | None:
    """That message of DLQ; with `subject`, the first of it from there on."""
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
        raise Unavailable("no_dead_letters", f"The stream {STREAM} does not answer") from error
