"""Whether the stores respond: one real query to each, all in parallel, each with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from cift.contracts.platform import Readiness, StoreView
from cift.kernel.errors import CiftError
from cift.platform.stores import Platform
from cift.platform.valkey import ValkeyUnavailable

DEADLINE_S = 2.0
KEPT_S = 1.0
"""How long an answer is given again: however many callers there are, the stores get one query a second."""


class Probe:
    """The readiness of this process, at most `KEPT_S` old."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._found: Readiness | None = None
        self._until = 0.0
        self._running = asyncio.Lock()

    @staticmethod
    def of(platform: Platform) -> "Probe":
        return platform.singleton(Probe, lambda: Probe(platform))

    async def __call__(self) -> Readiness:
        """Check every store, unless that was done just now. Never raises."""
        if time.monotonic() < self._until and self._found is not None:
            return self._found
        async with self._running:
            if time.monotonic() >= self._until or self._found is None:
                self._found = await readiness(self._platform)
                self._until = time.monotonic() + KEPT_S
            return self._found

    async def close(self) -> None:
        """Nothing is open."""


async def readiness(platform: Platform) -> Readiness:
    """Check every store. Never raises."""

    async def postgres() -> None:
        await platform.database.fetchval("SELECT count(*) FROM schema_migrations")

    async def nats() -> None:
        await platform.nats.journal()

    async def engine() -> None:
        await platform.engine.query({"status": {}})

    checks: dict[str, Callable[[], Awaitable[None]]] = {
        "postgres": postgres,
        "nats": nats,
        "valkey": platform.valkey.ping,
        "engine": engine,
    }
    views = await asyncio.gather(*(_run(name, check) for name, check in checks.items()))
    stores = dict(zip(checks, views, strict=True))
    ready = all(view.status != "gone" for view in views)
    return Readiness(status="ready" if ready else "not_ready", stores=stores)


async def _run(name: str, check: Callable[[], Awaitable[None]]) -> StoreView:
    started = time.perf_counter()
    message: str | None = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            await check()
    except CiftError as error:
        message = error.message
    except (ValkeyUnavailable, TimeoutError):
        message = "no response"
    except Exception as error:
        message = f"{type(error).__name__}"
    took_ms = round((time.perf_counter() - started) * 1000, 3)
    if message is None:
        return StoreView(status="ready", took_ms=took_ms)
    return StoreView(status="degraded" if name == "valkey" else "gone", took_ms=took_ms, message=message)
