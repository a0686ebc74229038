"""An HTTP function alone, under functions-framework: the only file that knows it.

functions-framework's asyncio side calls `await result(scope, receive, send)` on what an HTTP function
returns, so a function that returns our app is served by it.
"""

import asyncio
import socket
from types import SimpleNamespace

import functions_framework.aio
import uvloop
from starlette.requests import Request
from starlette.types import ASGIApp

from cift.function import Door
from cift.host.app import House
from cift.host.doors import load_door
from cift.host.events import Background
from cift.host.serve import serve_app
from cift.platform.stores import Platform

PROBES = ("platform.health", "platform.metrics")
"""Answered beside the function, wherever it runs alone."""


def framework_app(door: Door, platform: Platform) -> ASGIApp:
    """The app of one HTTP function, as functions-framework builds it."""
    house = House([door], platform, probes=[load_door(name) for name in PROBES if name != door.name])

    async def hosted(request: Request) -> House:
        return house

    app: ASGIApp = functions_framework.aio.create_asgi_app_from_module(
        "hosted", __file__, "http", SimpleNamespace(hosted=hosted), None
    )
    return app


def serve_single(door: Door, listener: socket.socket, platform: Platform) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = framework_app(door, platform)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_app(app, listener, Background([], platform), platform))
