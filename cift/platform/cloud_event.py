"""A batch of a stream's messages in the format in which relay posts it: one binary CloudEvent.

Headers (lower case): `ce-stream`, `ce-shard`, `ce-journalid` (empty for a stream that is not a journal),
`ce-first`, `ce-last`, `ce-count`, `traceparent`, and those that CloudEvents requires. The body holds the
messages one after the other, numbers little-endian:

    u64 stream sequence · i64 time (ns) · u16 length of subject · u32 of headers · u32 of data · the three

`tests/vectors/cloud_event_batch` has examples that relay's tests use as well.
"""

import struct
from collections.abc import Iterator, Mapping

from cift.kernel.errors import Expected, Refused
from cift.platform.journal import Batch, JournalRecord, Message

BATCH_TYPE = "markets.cift.batch"
DUE_TYPE = "markets.cift.due"
CONTENT_TYPE = "application/vnd.cift.batch"
_HEAD = struct.Struct("<QqHII")
_NATS_HEADERS = b"NATS/1.0"


def _unreadable(sentence: str) -> Refused:
    return Refused("invalid_batch", sentence, status=400)


def messages(body: bytes) -> Iterator[tuple[int, int, bytes, bytes, bytes]]:
    """Sequence, time in ns, subject, header block and data of each message.

    Raises:
        Refused: 400 `invalid_batch`: the body ends inside a message.
    """
    at, end = 0, len(body)
    while at < end:
        if at + _HEAD.size > end:
            raise _unreadable(f"the batch ends inside the head of a message, at byte {end}")
        sequence, time_ns, subject_length, headers_length, data_length = _HEAD.unpack_from(body, at)
        subject = at + _HEAD.size
        headers = subject + subject_length
        data = headers + headers_length
        at = data + data_length
        if at > end:
            raise _unreadable(
                f"message {sequence} is longer than the rest of the body, which ends at byte {end}"
            )
        yield sequence, time_ns, body[subject:headers], body[headers:data], body[data:at]


def message_headers(block: bytes) -> dict[str, str]:
    """The headers of a NATS header block (`NATS/1.0`, lines of `Name: value`); empty for an empty block. The
    last value of a repeated name counts.

    Raises:
        Refused: 400 `invalid_batch`.
    """
    if not block:
        return {}
    first, *lines = block.split(b"\r\n")
    if not first.startswith(_NATS_HEADERS):
        raise _unreadable("a message's headers do not begin with NATS/1.0")
    found = {}
    for line in filter(None, lines):
        name, colon, value = line.partition(b":")
        if not colon:
            raise _unreadable("a message's headers hold a line without a colon")
        found[name.decode("utf-8", "replace").strip()] = value.decode("utf-8", "replace").strip()
    return found


def header_block(headers: Mapping[str, str]) -> bytes:
    """The NATS header block of `headers`, sorted by name; empty if there are none."""
    if not headers:
        return b""
    lines = [f"{name}: {value}\r\n" for name, value in sorted(headers.items())]
    return f"NATS/1.0\r\n{''.join(lines)}\r\n".encode()


def of_one(
    function: str, shard: str, stream: str, stream_id: str, message: Message
) -> tuple[dict[str, str], bytes]:
    """Headers and body of the POST of one message; its stream is not a journal and was created at
    `stream_id`."""
    sequence, subject, block = message.sequence, message.subject.encode(), header_block(message.headers)
    headers = {
        "ce-specversion": "1.0",
        "ce-id": f"{stream}/{stream_id}/{sequence}-{sequence}",
        "ce-source": f"/cift/streams/{stream}",
        "ce-type": BATCH_TYPE,
        "ce-cift-function": function,
        "ce-stream": stream,
        "ce-shard": shard,
        "ce-journalid": "",
        "ce-first": str(sequence),
        "ce-last": str(sequence),
        "ce-count": "1",
        "content-type": CONTENT_TYPE,
    }
    if "traceparent" in message.headers:
        headers["traceparent"] = message.headers["traceparent"]
    head = _HEAD.pack(sequence, message.timestamp_ns, len(subject), len(block), len(message.data))
    return headers, head + subject + block + message.data


def batch(headers: Mapping[bytes, bytes], body: bytes, *, journal: bool) -> Batch:
    """The batch that a function receives.

    Args:
        headers: of the request, names in lower case.
        journal: whether the stream is a journal, whose messages are records without gaps.

    Raises:
        Refused: 400 `invalid_batch`: the body is not a batch, or differs from its headers.
        Expected: a record is missing between two others.
    """
    values = {name: headers.get(name) for name in (b"ce-type", b"ce-stream", b"ce-shard", b"ce-journalid")}
    if values[b"ce-type"] != BATCH_TYPE.encode():
        raise _unreadable(f"this function takes CloudEvents of the type {BATCH_TYPE}")
    for name, value in values.items():
        if value is None:
            raise _unreadable(f"the header {name.decode()} is missing")
    items: list[JournalRecord | Message] = []
    for sequence, time_ns, subject, block, data in messages(body):
        if items and sequence <= items[-1].sequence:
            raise _unreadable(f"message {sequence} follows {items[-1].sequence}: a batch must be in order")
        if journal:
            if items and sequence != items[-1].sequence + 1:
                raise Expected(items[-1].sequence + 1)
            traced = message_headers(block).get("traceparent") if b"traceparent" in block else None
            items.append(JournalRecord(sequence, data, traced))
        else:
            text = subject.decode("utf-8", "replace")
            items.append(Message(sequence, text, data, message_headers(block), time_ns))
    if not items:
        raise _unreadable("the batch is empty")
    found = (items[0].sequence, items[-1].sequence, len(items))
    for name, number in zip((b"ce-first", b"ce-last", b"ce-count"), found, strict=True):
        if headers.get(name) != str(number).encode():
            raise _unreadable(f"{name.decode()} is not the {number} that the body holds")
    stream, shard, journal_id = (
        (values[name] or b"").decode("latin-1") for name in (b"ce-stream", b"ce-shard", b"ce-journalid")
    )
    return Batch(stream, shard, journal_id, items)
