"""Whether the feeds of the outside market are alive, as the engine has it.

A feed of which nothing was heard for its `silence_ns` has had its quotes withdrawn by the engine already, so
no money is lost by a stale one; this says it to people: a log line when it changes, a gauge, and a value in
Valkey (`feed:<id>`) for whoever shows it. Between sessions silence is in order.
"""

import logging
from typing import Any

import orjson

from cift.kernel.clock import now_ns, rfc3339
from cift.platform.metrics import Gauge
from cift.platform.valkey import Valkey, ValkeyUnavailable

log = logging.getLogger("cift.feeds")
STALE_AFTER_S = 5.0
"""Of silence, where the feed's own limit is not shorter."""
KEPT_S = 60
"""How long the value in Valkey stands without being written again."""

stale_now = Gauge("cift_feed_stale", "1: nothing is heard of this feed while the market is open", ["feed"])
age_now = Gauge("cift_feed_age_seconds", "Since the last sign of life of this feed", ["feed"])


def states(answer: dict[str, Any], at_ns: int) -> list[dict[str, Any]]:
    """The engine's answer to `feeds`, judged at a moment. Pure.

    `state`: `alive`, `stale`, or `closed` between sessions; `alive_at`: ns, None where the engine has
    given the feed up."""
    judged = []
    for feed in answer["feeds"]:
        alive_at: int | None = feed["alive_at"]
        limit_ns = min(feed["silence_ns"], int(STALE_AFTER_S * 1e9))
        fresh = alive_at is not None and at_ns - alive_at <= limit_ns
        state = "alive" if fresh else "closed" if answer["closed"] else "stale"
        judged.append({"feed": feed["feed"], "state": state, "alive_at": alive_at})
    return judged


async def tell(judged: list[dict[str, Any]], valkey: Valkey) -> None:
    """Say it: once a change in the log, always in gauges and Valkey (which may be gone: then each time)."""
    at = now_ns()
    for each in judged:
        feed, state, alive_at = each["feed"], each["state"], each["alive_at"]
        stale_now.labels(str(feed)).set(float(state == "stale"))
        if alive_at is not None:
            age_now.labels(str(feed)).set((at - alive_at) / 1e9)
        said = {
            "state": state,
            "alive_at": None if alive_at is None else rfc3339(alive_at),
            "at": rfc3339(at),
        }
        before: bytes | None = None
        try:
            before = await valkey.run(
                valkey.client.set(f"feed:{feed}", orjson.dumps(said), ex=KEPT_S, get=True)
            )
        except ValkeyUnavailable:
            pass
        was = orjson.loads(before)["state"] if before else None
        if state == "stale" and was != "stale":
            log.warning("feed %d is silent", feed, extra={"feed": feed, "alive_at": said["alive_at"]})
        elif state == "alive" and was == "stale":
            log.warning("feed %d is heard again", feed, extra={"feed": feed})
