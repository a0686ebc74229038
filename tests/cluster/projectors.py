"""The projectors of the release: their offsets, and scaling them to zero."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from cift.platform.stores import Platform
from cift.projectors import PROJECTORS
from tests.cluster.release import Release

HANDLERS = {"trading-project-journal": "trading.project_journal"}
"""The function that runs the projectors, by the name of its Knative Service."""
CAUGHT_UP_TIMEOUT_S = 240.0


@contextmanager
def scale_to_zero_allowed(release: Release) -> Iterator[None]:
    """Let the projectors scale to zero when idle. Afterwards they are kept warm again, which is the
    default."""
    release.upgrade(*(f"functions.{name}.scale.min=0" for name in HANDLERS))
    release.wait_ready()
    yield
    release.upgrade()
    release.wait_ready()


async def offsets(platform: Platform) -> tuple[dict[str, int], int]:
    """Each projector's offset, and the sequence of the journal's last record."""
    journal_id, last = await platform.nats.journal()
    rows = await platform.database.fetch(
        "SELECT projector, sequence FROM projector_offsets WHERE journal_id = $1", journal_id
    )
    return {row["projector"]: row["sequence"] for row in rows}, last


async def caught_up(platform: Platform, timeout_s: float = CAUGHT_UP_TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        at, last = await offsets(platform)
        if all(at.get(name, 0) >= last for name in PROJECTORS):
            return
        assert time.monotonic() < deadline, f"the projectors did not reach record {last}: {at}"
        await asyncio.sleep(0.2)
