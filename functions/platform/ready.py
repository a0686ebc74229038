"""Readiness: the state of PostgreSQL, NATS with JetStream, Valkey and the matching engine.

503 if one of them does not answer, except Valkey: the exchange works without it."""

from starlette.responses import Response

from cift.function import http
from cift.platform.readiness import Probe
from cift.platform.stores import Platform


@http("GET", "/ready", scope=None, rate="none")
async def ready(platform: Platform) -> Response:
    view = await Probe.of(platform)()
    status = 200 if view.status == "ready" else 503
    return Response(view.model_dump_json(), status_code=status, media_type="application/json")
