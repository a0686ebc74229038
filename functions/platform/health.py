"""Liveness: this process answers. Asks no store."""

from cift.contracts.platform import Health
from cift.function import Scale, http


@http("GET", "/health", scope=None, rate="none", scale=Scale(min=1))
async def health() -> Health:
    return Health()
