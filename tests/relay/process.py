"""Runs the real relay next to a running exchange, with the handlers that the functions declare."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cift.run.servers import free_port, relay_binary
from tests.stack import Stack, eventually
from tests.target import DEADLINE_S


class Relay:
    """One relay process."""

    def __init__(self, nats_url: str, handlers: list[dict[str, Any]], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "relay.json"
        config.write_text(json.dumps({"handlers": handlers}))
        self.output = folder / "relay.log"
        self._port = free_port()
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_")} | {
            "CIFT_RELAY_CONFIG": str(config),
            "CIFT_RELAY_METRICS": f"127.0.0.1:{self._port}",
            "CIFT_NATS_URL": nats_url,
        }
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        with self.output.open("a") as log:
            return subprocess.Popen([relay_binary()], env=self._environment, stderr=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL, as if its node failed."""
        self._process.kill()
        self._process.wait(DEADLINE_S)

    def restart(self) -> None:
        self._process = self._start()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(DEADLINE_S)

    @property
    def log(self) -> str:
        return self.output.read_text()

    def metrics(self, function: str) -> Mapping[str, float]:
        """Relay's metrics for this function, by name."""
        text = httpx.get(f"http://127.0.0.1:{self._port}/metrics", timeout=DEADLINE_S).text
        line = re.compile(rf'(relay_\w+)\{{function="{re.escape(function)}"\}} (\S+)')
        return {found[1]: float(found[2]) for found in line.finditer(text)}

    def wait_for(self, function: str, name: str, value: float, timeout_s: float = DEADLINE_S) -> None:
        eventually(
            lambda: self.metrics(function).get(name) == value, f"{name} of {function} is {value}", timeout_s
        )


@contextmanager
def relay(stack: Stack, handlers: list[dict[str, Any]], folder: Path) -> Iterator[Relay]:
    """Run relay. It must stop with exit code 0."""
    running = Relay(str(stack.run_file["nats_url"]), handlers, folder)
    try:
        yield running
    except BaseException:
        running.kill()
        raise
    assert running.stop() == 0, running.log
