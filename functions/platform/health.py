"""Liveness: this process answers. Asks no store."""

from cift.contracts.platform import Health
from cift.function import http


@http("GET", "/health", scope=None, rate="none")
async def health() -> Health:
    return Health()
