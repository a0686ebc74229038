"""Prometheus metrics of this process."""

from starlette.responses import Response

from cift.function import Scale, http
from cift.platform.metrics import exposition


@http("GET", "/metrics", scope=None, rate="none", scale=Scale(min=1))
async def metrics() -> Response:
    text, media_type = exposition()
    return Response(text, media_type=media_type)
