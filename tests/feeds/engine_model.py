"""A small model of the engine for feeds: only its refusals. It records the accepted commands."""

import asyncio
import time
from typing import Any

from cift.kernel.errors import OutcomeUnknown, Refused, Unavailable


class Engine:
    """Refuses like the engine."""

    def __init__(self) -> None:
        self.away: type[Exception] | None = None
        self.feed_known = True
        self.session = 0
        self.open = False
        self.last_sequence = 0
        self.refused = 0
        """Commands that arrived while it was away."""
        self.accepted: list[dict[str, Any]] = []

    async def submit(self, command: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.refused += self.away is not None
        if self.away is Unavailable:
            raise Unavailable("engine_unavailable", "away")
        if self.away is OutcomeUnknown:
            raise OutcomeUnknown(None)
        if command["type"] == "set_session":
            if command["session"] <= self.session or (command["closes_at"] or 2**63) <= time.time_ns():
                raise Refused("invalid_session", "no")
            self.session, self.open = command["session"], True
        elif not self.feed_known:
            raise Refused("unknown_feed", "no")
        elif command["source_sequence"] <= self.last_sequence:
            raise Refused("stale_source_sequence", "no")
        elif not self.open:
            raise Refused("market_closed", "no")
        else:
            self.last_sequence = command["source_sequence"]
        self.accepted.append(command)

    async def query(self, query: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("the replay sends no queries")


def of(commands: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [command for command in commands if command["type"] == kind]
