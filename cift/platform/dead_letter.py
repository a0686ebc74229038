"""A dead letter: a message in the stream DLQ that its handler refused as poison, with everything that is
needed to deliver it again. Pure functions.

relay makes them (`rust_core/crates/relay/src/dead_letter.rs`), and the tests of both read the vectors in
`tests/vectors/dead_letter`. Payload and `ce-…` headers are those of relay's POST of this
message, a batch of one. `cift-reason` holds the handler's sentence, and `Nats-Msg-Id` makes JetStream store
the message once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cift.platform import cloud_event
from cift.platform.journal import Batch

STREAM = "DLQ"
SUBJECTS = "dlq.>"
REASON = "cift-reason"
_POSTED = ("content-type", "traceparent")


def subject(shard: str, function: str) -> str:
    return f"dlq.{shard}.{function}"


def replay_subject(shard: str, function: str) -> str:
    """The subject of requests to deliver a dead letter of the function again."""
    return f"relay.{shard}.replay.{function}"


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
        """The headers of the POST that delivers it."""
        return {n: v for n, v in self.headers.items() if n.startswith("ce-") or n in _POSTED}

    def batch(self) -> Batch:
        """The batch of one message that its handler receives. Raises Refused if this is not a dead letter."""
        headers = {name.encode(): value.encode() for name, value in self.headers.items()}
        return cloud_event.batch(headers, self.body, journal=False)
