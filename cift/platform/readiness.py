"""Whether the stores answer: each is asked something real, all at once, each with a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from cift.contracts.platform import Readiness, StoreView
from cift.kernel.errors import CiftError
from cift.platform.stores import Platform
from cift.platform.valkey import ValkeyGone

DEADLINE_S = 2.0


async def readiness(platform: Platform) -> Readiness:
    """Ask every store. Never raises."""

    async def postgres() -> None:
        await platform.database.fetchval("SELECT count(*) FROM schema_migrations")

    async def nats() -> None:
        await platform.nats.journal()

    async def engine() -> None:
        await platform.engine.query({"status": {}})

    asked: dict[str, Callable[[], Awaitable[None]]] = {
        "postgres": postgres,
        "nats": nats,
        "valkey": platform.valkey.ping,
        "engine": engine,
    }
    views = await asyncio.gather(*(_ask(name, ask) for name, ask in asked.items()))
    stores = dict(zip(asked, views, strict=True))
    ready = all(view.status != "gone" for view in views)
    return Readiness(status="ready" if ready else "not_ready", stores=stores)


async def _ask(name: str, ask: Callable[[], Awaitable[None]]) -> StoreView:
    started = time.perf_counter()
    message: str | None = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            await ask()
    except CiftError as error:
        message = error.message
    except (ValkeyGone, TimeoutError):
        message = "no answer"
    except Exception as error:
        message = f"{type(error).__name__}"
    took_ms = round((time.perf_counter() - started) * 1000, 3)
    if message is None:
        return StoreView(status="ready", took_ms=took_ms)
    return StoreView(status="degraded" if name == "valkey" else "gone", took_ms=took_ms, message=message)
