"""Responses about the exchange itself."""

from typing import Literal

from pydantic import BaseModel, Field


class StoreView(BaseModel):
    """The state of one store at this moment."""

    status: Literal["ready", "degraded", "gone"] = Field(
        description="degraded: not available, but a fallback is in use."
    )
    took_ms: float
    message: str | None = None


class Readiness(BaseModel):
    """ready: every request can be served. Without Valkey alone the exchange is degraded, but ready."""

    status: Literal["ready", "not_ready"]
    stores: dict[str, StoreView]


class Health(BaseModel):
    """Always `ok`: a process that is not healthy does not respond."""

    status: Literal["ok"] = "ok"


class Index(BaseModel):
    """Name, version, and paths of the API."""

    name: str
    version: str
    links: dict[str, str]
