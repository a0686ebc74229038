"""Liveness: this process answers. Asks no store."""

from typing import TypedDict

from cift.function import Scale, http


class Health(TypedDict):
    """`ok`, always: a process that cannot say so says nothing."""

    status: str


@http("GET", "/health", scope=None, rate="none", scale=Scale(min=1))
async def health() -> Health:
    return {"status": "ok"}
