"""What this is, and where to go on."""

from typing import TypedDict

from cift import __version__
from cift.function import http


class Index(TypedDict):
    """Name, version, and paths to go on from."""

    name: str
    version: str
    links: dict[str, str]


@http("GET", "/", scope=None)
async def index() -> Index:
    links = {
        "docs": "/docs",
        "redoc": "/redoc",
        "openapi": "/openapi.json",
        "health": "/health",
        "ready": "/ready",
        "metrics": "/metrics",
        "jwks": "/.well-known/jwks.json",
    }
    return {"name": "CIFT Markets", "version": __version__, "links": links}
