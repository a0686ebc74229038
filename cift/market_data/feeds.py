"""Whether the feeds of outside prices are alive, from the engine's answer.

The engine withdraws the quotes of a feed that was silent for its `silence_ns`, so a stale feed costs no
money. This module informs people: a log line when the state changes, gauges, and a value in Valkey
(`feed:<id>`) for clients. Between sessions silence is normal.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import orjson

from cift.kernel.clock import now_ns, rfc3339
from cift.platform.metrics import Gauge
from cift.platform.valkey import Valkey, ValkeyUnavailable

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

log = logging.getLogger("cift.feeds")
STALE_AFTER_S = 5.0
"""A feed is stale after this silence, or after its own `silence_ns` where that is shorter."""
KEPT_S = 60
"""The value in Valkey expires after this time unless it is written again."""

stale_now = Gauge("cift_feed_stale", "1: this feed is silent while the market is open", ["feed"])
age_now = Gauge("cift_feed_age_seconds", "Since the last message of this feed", ["feed"])


@dataclass(frozen=True, slots=True)
class FeedState:
    """The state of a feed; `closed` between sessions."""

    feed: int
    state: Literal["alive", "stale", "closed"]
    alive_at: int | None
    """ns since the epoch of its last message; None where the engine has withdrawn its quotes."""


def states(answer: messages.FeedsAnswer, at_ns: int) -> list[FeedState]:
    """The state of each feed at a time. Pure."""
    found = []
    for feed in answer["feeds"]:
        alive_at = feed["alive_at"]
        limit_ns = min(feed["silence_ns"], int(STALE_AFTER_S * 1e9))
        if alive_at is not None and at_ns - alive_at <= limit_ns:
            found.append(FeedState(feed["feed"], "alive", alive_at))
        else:
            found.append(FeedState(feed["feed"], "closed" if answer["closed"] else "stale", alive_at))
    return found


async def report(found: list[FeedState], valkey: Valkey) -> None:
    """Set the gauges and the values in Valkey, and log each change once. Without Valkey a stale feed is
    logged every time."""
    at = now_ns()
    for each in found:
        stale_now.labels(str(each.feed)).set(float(each.state == "stale"))
        if each.alive_at is not None:
            age_now.labels(str(each.feed)).set((at - each.alive_at) / 1e9)
        value = {
            "state": each.state,
            "alive_at": None if each.alive_at is None else rfc3339(each.alive_at),
            "at": rfc3339(at),
        }
        previous: bytes | None = None
        try:
            previous = await valkey.run(
                valkey.client.set(f"feed:{each.feed}", orjson.dumps(value), ex=KEPT_S, get=True)
            )
        except ValkeyUnavailable:
            pass
        was = orjson.loads(previous)["state"] if previous else None
        if each.state == "stale" and was != "stale":
            extra = {"feed": each.feed, "alive_at": value["alive_at"]}
            log.warning("feed %d is silent", each.feed, extra=extra)
        elif each.state == "alive" and was == "stale":
            log.warning("feed %d sends again", each.feed, extra={"feed": each.feed})
