"""Name, version and links of this service."""

from cift import __version__
from cift.contracts.platform import Index
from cift.function import http


@http("GET", "/api/v1", scope=None)
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
    return Index(name="CIFT Markets", version=__version__, links=links)
