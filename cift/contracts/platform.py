"""Answers about the exchange itself."""

from typing import Literal

from pydantic import BaseModel, Field


class StoreView(BaseModel):
    """One store, as it answered just now."""

    status: Literal["ready", "degraded", "gone"] = Field(
        description="degraded: gone, and what that means is covered by a fallback."
    )
    took_ms: float
    message: str | None = None


class Readiness(BaseModel):
    """ready: every request can be served. Valkey gone alone is degraded, not unready."""

    status: Literal["ready", "not_ready"]
    stores: dict[str, StoreView]


class Health(BaseModel):
    """`ok`, always: a process that cannot say so says nothing."""

    status: Literal["ok"] = "ok"


class Index(BaseModel):
    """Name, version, and paths to go on from."""

    name: str
    version: str
    links: dict[str, str]
