"""Liveness: this process answers. No store is queried."""

from cift.contracts.platform import Health
from cift.function import http


@http("GET", "/health", scope=None, rate="none")
async def health() -> Health:
    return Health()
