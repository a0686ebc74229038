"""Prometheus metrics of this process."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from cift.function import Scale, http
from cift.platform.telemetry import REGISTRY


@http("GET", "/metrics", scope=None, rate="none", scale=Scale(min=1))
async def metrics() -> Response:
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
