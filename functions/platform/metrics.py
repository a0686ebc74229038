"""Prometheus metrics of this process."""

from starlette.responses import Response

from cift.function import http
from cift.platform.metrics import exposition


@http("GET", "/metrics", scope=None, rate="none")
async def metrics() -> Response:
    text, media_type = exposition()
    return Response(text, media_type=media_type)
