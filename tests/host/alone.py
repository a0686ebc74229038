"""A function in its own process, next to a running exchange."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from cift.run.servers import free_port
from tests.stack import ROOT, Stack, eventually
from tests.target import DEADLINE_S

RATE_LIMITS = [f"CIFT_RATE_LIMIT{name}" for name in ("", "_PUBLIC", "_AUTH", "_FAILURES")]


@contextmanager
def alone(function: str, exchange: Stack, *, functions: Path | None = None, **settings: str) -> Iterator[str]:
    """Start `function` and yield its URL once /health responds; assert that it exits with 0.

    Args:
        functions: a folder with the test's own functions, found beside those of the repository.
        settings: environment variables. PORT="8080" serves as in a pod; without PORT it listens on
            CIFT_HTTP_PORT.
    """
    run, port = exchange.run_file, settings.get("PORT") or str(free_port())
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_")} | {
        "CIFT_FUNCTION": function,
        "CIFT_HTTP_PORT": port,
        "CIFT_DATA": str(exchange.folder),
        "CIFT_POSTGRES_URL": run["postgres_url"],
        "CIFT_NATS_URL": run["nats_url"],
        "CIFT_VALKEY_URL": run["valkey_url"],
        # The processes share the counters in Valkey, so they must have the same limits.
        **dict.fromkeys(RATE_LIMITS, "1000000"),
        **settings,
    }
    command = ["-m", "cift.host"]
    if functions is not None:
        also = f"import functions, runpy; functions.__path__.append({str(functions)!r})"
        command = ["-c", f"{also}; runpy.run_module('cift.host', run_name='__main__')"]
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(
            lambda: httpx.get(f"{url}/health", timeout=DEADLINE_S).status_code == 200,
            f"{function} alone responds",
        )
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
