"""The operator as kopf runs it: handlers, background tasks, probes.

kopf logs in, watches the resources and reconnects. We use only its `on.event` handlers, which name the
resource to reconcile; level-based work needs no more. kopf's create and update handlers write annotations at
each change, and two operators would overwrite each other's. Its timers and deletion handlers put a finalizer
on every resource.
"""

import asyncio
import logging
import os
import signal
import time
from dataclasses import replace
from typing import Any

import kopf
from aiohttp import web
from prometheus_client import generate_latest

from cift.platform import telemetry
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from operators import metrics, sweep
from operators.context import Context
from operators.events import Recorder
from operators.jetstream import JetStream
from operators.kube import Kube
from operators.market_stream import handlers as market_stream
from operators.settings import OperatorSettings
from operators.trading_account import handlers as trading_account
from operators.work import Key, Watch, WorkQueue

log = logging.getLogger("cift.operator")
POOL_MAX = 4
"""Connections to PostgreSQL. Half the number of workers: each waits for the engine most of the time."""
READY_WITHIN_SWEEPS = 3
STOP_TIMEOUT_S = 5.0
ENSURE = {trading_account.KIND: trading_account.ensure, market_stream.KIND: market_stream.ensure}


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Open the stores and the API client, start the background tasks and the probes."""
    settings.posting.enabled = False  # `events.py` writes events, within the limit of writes
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    given = OperatorSettings.load()
    stores = Settings.load()
    telemetry.configure_logs(stores.log, stores.log_level)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # at INFO it logs every handled event
    platform = Platform(replace(stores, postgres_pool_max=POOL_MAX))
    kube = Kube(given.writes_per_s)
    recorder = Recorder(kube)
    context = Context(given, platform, kube, recorder, JetStream(platform.nats))

    async def ensure(key: Key) -> None:
        await ENSURE[key.kind](context, key)

    work = WorkQueue(ensure)
    memo.context, memo.watch = context, Watch(work)
    memo.tasks = [
        asyncio.create_task(run, name=name)
        for name, run in (
            ("work", work.run()),
            ("sweep", sweep.run(context, work)),
            ("events", recorder.run()),
        )
    ]
    for task in memo.tasks:
        task.add_done_callback(_ended)
    memo.probes = await _serve(given, memo.tasks)


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Stop in order. The next start repeats unfinished work."""
    for task in memo.get("tasks", ()):
        task.cancel()
    await asyncio.wait(
        memo.get("tasks", ()) or [asyncio.create_task(asyncio.sleep(0))], timeout=STOP_TIMEOUT_S
    )
    if "probes" in memo:
        await memo.probes.cleanup()
    if "context" in memo:
        await memo.context.kube.close()
        await memo.context.platform.close()


def _ended(task: "asyncio.Task[None]") -> None:
    """Stop the operator when a background task ends: without it the operator would run and do nothing."""
    if not task.cancelled():
        log.error("background task %s ended; stopping", task.get_name(), exc_info=task.exception())
        os.kill(os.getpid(), signal.SIGTERM)


async def _serve(settings: OperatorSettings, tasks: "list[asyncio.Task[None]]") -> web.AppRunner:
    """Serve /health (the background tasks run), /ready (sweeps succeed) and /metrics."""
    started = time.time()

    async def health(_: web.Request) -> web.Response:
        return _probe(all(not task.done() for task in tasks), "a background task has ended")

    async def ready(_: web.Request) -> web.Response:
        last = metrics.swept_at._value.get()
        since = time.time() - max(last, 0.0)
        ever = last > started - 1
        recent = since < READY_WITHIN_SWEEPS * settings.sweep_s
        return _probe(ever and recent, f"no sweep succeeded in the last {READY_WITHIN_SWEEPS} intervals")

    async def expose(_: web.Request) -> web.Response:
        text = generate_latest(metrics.registry)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/ready", ready), web.get("/metrics", expose)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", settings.port).start()  # noqa: S104 (probes come from the node)
    return runner


def _probe(good: bool, problem: str) -> web.Response:
    return web.json_response({"status": "ok"} if good else {"status": problem}, status=200 if good else 503)
