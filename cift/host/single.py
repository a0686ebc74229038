"""An HTTP function alone, under functions-framework. No other file uses that package.

The asyncio part of functions-framework calls `await result(scope, receive, send)` on the value that an HTTP
function returns, so a function that returns our `App` is served by it.

The package imports Flask for its synchronous part, which this process never uses: a third of a second of CPU
and 20 MB. So while it is imported, empty modules replace Flask and Werkzeug; afterwards they are removed, so
that a later import finds the real ones.
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
from cift.host.background import Background
from cift.host.loading import PROBES, load_function
from cift.host.serve import serve_app
from cift.platform.stores import Platform

_FLASK = ("flask", "werkzeug", "werkzeug.local")


class _Absent(ModuleType):
    """A module in which every name is an empty type: enough for annotations and decorators."""

    typing = SimpleNamespace(ResponseReturnValue=object)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {"__init__": lambda self, *_: None})  # used as a decorator at import


def import_framework() -> Any:
    """functions_framework.aio, without Flask.

    `_set_current_context` calls Flask's `has_request_context`, which is False here at all times."""
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
    served = App(
        [function], platform, probes=[load_function(name) for name in PROBES if name != function.name]
    )

    async def hosted(request: Request) -> App:
        return served

    app: ASGIApp = import_framework().create_asgi_app_from_module(
        "hosted", __file__, "http", SimpleNamespace(hosted=hosted), None
    )
    return app


def serve_single(function: Function, listener: socket.socket, platform: Platform) -> None:
    """Serve until SIGTERM or SIGINT."""
    app = framework_app(function, platform)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_app(app, listener, Background([], platform), platform))
