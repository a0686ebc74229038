"""One function alone, under functions-framework: the only file that knows it.

functions-framework's asyncio side calls `await result(scope, receive, send)` on what an HTTP function
returns, so a function that returns our app is served by it. An event function alone is a small app
that runs it in the background and answers /health, because relay and its CloudEvents are of the
cluster.
"""

import asyncio
import os
from types import SimpleNamespace

import functions_framework.aio
import uvloop
from starlette.requests import Request
from starlette.types import ASGIApp

from cift.host.app import House
from cift.host.doors import load_door
from cift.host.events import Background
from cift.host.serve import listen, serve_app
from cift.platform import telemetry
from cift.platform.settings import Settings
from cift.platform.stores import Platform


def single(name: str, settings: Settings) -> tuple[ASGIApp, Platform, Background]:
    """The app of the function called `name`, as functions-framework builds it.

    Raises:
        NoSuchFunction: there is none.
    """
    platform = Platform(settings)
    door = load_door(name)
    house = House([door] if door.kind == "http" else [load_door("platform.health")], platform)

    async def hosted(request: Request) -> House:
        return house

    framework = functions_framework.aio.create_asgi_app_from_module(
        "hosted", __file__, "http", SimpleNamespace(hosted=hosted), None
    )
    return framework, platform, Background([door], platform)


def serve_single(name: str, settings: Settings) -> None:
    """Serve one function on CIFT_HTTP_PORT, or Knative's PORT, until SIGTERM.

    Raises:
        NoSuchFunction, CannotListen: one sentence each.
    """
    telemetry.configure_logs(settings.log, settings.log_level)
    app, platform, background = single(name, settings)
    port = int(os.environ.get("PORT", settings.http_port))
    listener = listen("0.0.0.0" if "PORT" in os.environ else settings.http_host, port)  # noqa: S104

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_app(app, listener, background, platform))
