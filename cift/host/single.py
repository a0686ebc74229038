"""An HTTP function alone, under functions-framework: the only file that knows it.

functions-framework's asyncio side calls `await result(scope, receive, send)` on what an HTTP function
returns, so a function that returns our app is served by it.

Its package imports Flask for the other, synchronous side, which is a third of a second of CPU and 20 MB for
a process that never serves by it. While it is imported, empty modules stand where Flask and Werkzeug would;
they are taken away again, so that whoever really wants them gets them.
"""

import asyncio
import importlib
import socket
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import uvloop
from starlette.requests import Request
from starlette.types import ASGIApp

from cift.function import Function
from cift.host.app import App
from cift.host.events import Background
from cift.host.loading import PROBES, load_function
from cift.host.serve import serve_app
from cift.platform.stores import Platform

_FLASK = ("flask", "werkzeug", "werkzeug.local")


class _Absent(ModuleType):
    """A module whose every name is an empty type: enough for annotations and decorators."""

    typing = SimpleNamespace(ResponseReturnValue=object)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *_: None})  # it decorates something at import


def import_framework() -> Any:
    """functions_framework.aio, without Flask.

    `_set_current_context` asks Flask whether a request of its own is being served: here none ever is."""
    stand_ins = {}
    for name in _FLASK:
        if name not in sys.modules:
            stand_in = stand_ins[name] = sys.modules[name] = _Absent(name)
            stand_in.has_request_context = lambda: False  # type: ignore[attr-defined]
    try:
        return importlib.import_module("functions_framework.aio")
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


def framework_app(function: Function, platform: Platform) -> ASGIApp:
    """The app of one HTTP function, as functions-framework builds it."""
    house = App(
        [function], platform, probes=[load_function(name) for name in PROBES if name != function.name]
    )

    async def hosted(request: Request) -> App:
        return house

    app: ASGIApp = import_framework().create_asgi_app_from_module(
        "hosted", __file__, "http", SimpleNamespace(hosted=hosted), None
    )
    return app


def serve_single(function: Function, listener: socket.socket, platform: Platform) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = framework_app(function, platform)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_app(app, listener, Background([], platform), platform))
