"""A dead letter: a message that its handler refused as poison, in stream DLQ, with all that it takes to
bring it again. relay makes and reads the same (`rust_core/crates/relay/src/dead_letter.rs`); both read
the vectors of `tests/vectors/dead_letter`. Pure.

Its payload and its `ce-…` headers are those of the POST that relay makes of it, a batch of one. Beside
them stand the sentence (`cift-reason`) and `Nats-Msg-Id`, so that the same message is put aside once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cift.platform import cloud_event
from cift.platform.journal import Batch, Message

STREAM = "DLQ"
SUBJECTS = "dlq.>"
REASON = "cift-reason"
REASON_BYTES_MAX = 1024
_POSTED = ("content-type", "traceparent")


def subject(shard: str, function: str) -> str:
    return f"dlq.{shard}.{function}"


def replay_subject(shard: str, function: str) -> str:
    """Where whoever brings events to the function is asked to bring a letter once more."""
    return f"relay.{shard}.replay.{function}"


def one_line(sentence: str) -> str:
    """A sentence as a header may hold it: one line, bounded."""
    line = "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in sentence)
    return line.encode()[:REASON_BYTES_MAX].decode("utf-8", "ignore").strip()


def make(function: str, shard: str, stream: str, stream_id: str, message: Message, reason: str) -> "Letter":
    """The letter that `message` becomes. `stream_id`: when its stream was made, as NATS tells it."""
    headers, body = cloud_event.of_one(function, shard, stream, stream_id, message)
    letter = {**headers, REASON: one_line(reason), "Nats-Msg-Id": f"{function}/{headers['ce-id']}"}
    return Letter(subject(shard, function), letter, body)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message of DLQ."""

    subject: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def function(self) -> str:
        return self.headers.get("ce-cift-function", "")

    @property
    def reason(self) -> str:
        return self.headers.get(REASON, "")

    def post_headers(self) -> dict[str, str]:
        """Of the POST that it is."""
        return {n: v for n, v in self.headers.items() if n.startswith("ce-") or n in _POSTED}

    def batch(self) -> Batch:
        """The batch of one that its handler is called with. Raises Refused: it is no letter."""
        headers = {name.encode(): value.encode() for name, value in self.headers.items()}
        return cloud_event.batch(headers, self.body, journal=False)
