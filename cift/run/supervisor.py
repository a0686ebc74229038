"""The supervisor's children: started in order, restarted when they end, stopped in reverse order.

A child that ends unexpectedly is restarted with a back-off, which is reset after the child ran for a
minute. The other children keep running: each reconnects by itself. No child outlives the supervisor: the
kernel signals each child when the supervisor ends (see privilege.py). Each child has its own session, so
that Ctrl-C reaches only the supervisor, which then stops the children in order.
"""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cift.run.privilege import before_exec

log = logging.getLogger("cift.run")
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 5.0
STEADY_S = 60.0
POLL_S = 0.02
_LINUX = sys.platform == "linux"
LOG_BYTES_MAX = 64 * 1024 * 1024
LOG_CHECK_S = 2.0
LOG_TAIL_LINES = 15


class CannotStart(Exception):
    """A child cannot be started; the text names it, the reason and its log."""


@dataclass(kw_only=True)
class Program:
    """How one child is run."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    """Whether it is ready; called until it is."""
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 8.0
    death_signal: signal.Signals = signal.SIGKILL
    """The signal that the kernel sends it when the supervisor ends."""
    drop_root: bool = False
    start_timeout_s: float = 60.0
    """How long it may take to be ready at its first start; inf: no limit while it runs."""


class Child:
    """One running program."""

    def __init__(self, program: Program, changed: Callable[[], None]) -> None:
        self.program = program
        self._changed = changed
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._began = 0.0
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self) -> None:
        """Start it and wait until it is ready. Raises CannotStart."""
        self._spawn()
        program, deadline = self.program, time.monotonic() + self.program.start_timeout_s
        while not await program.ready():
            if not self.is_running:
                assert self._process is not None
                raise CannotStart(
                    f"{program.name} ended during its start (exit code {self._process.returncode});"
                    f" the end of its log {program.log}:\n{self._log_tail()}"
                )
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{program.name} is not ready after {program.start_timeout_s:.0f} s;"
                    f" the end of its log {program.log}:\n{self._log_tail()}"
                )
            await asyncio.sleep(POLL_S)
        self._keeper = asyncio.create_task(self._keep())

    def _spawn(self) -> None:
        program = self.program
        if program.log.exists() and program.log.stat().st_size > LOG_BYTES_MAX:
            program.log.replace(program.log.with_suffix(".log.1"))
        output = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **program.environment},
                start_new_session=True,
                preexec_fn=before_exec(program.death_signal, drop_root=program.drop_root),
            )
        except OSError as error:
            raise CannotStart(f"{program.name} cannot be started: {error}") from None
        finally:
            os.close(output)
        self._began = time.monotonic()
        self._changed()

    async def _keep(self) -> None:
        backoff = BACKOFF_FIRST_S
        while True:
            ended = asyncio.create_task(self._ended())
            try:
                while not ended.done():
                    await asyncio.wait({ended}, timeout=LOG_CHECK_S)
                    self._rotate_log()
            finally:
                ended.cancel()
            assert self._process is not None
            if time.monotonic() - self._began > STEADY_S:
                backoff = BACKOFF_FIRST_S
            print(
                f"{self.program.name} ended unexpectedly ({_reason(self._process.returncode)});"
                f" restarting it in {backoff:g} s",
                flush=True,
            )
            await asyncio.sleep(backoff)
            backoff = min(backoff * 2, BACKOFF_MAX_S)
            self.restarts += 1
            try:
                self._spawn()
            except CannotStart as error:
                print(error, flush=True)

    async def _ended(self) -> None:
        """Return when the process has ended. On Linux the kernel reports it: polling eight children every few
        milliseconds was a tenth of what an idle exchange costs."""
        if not self.is_running:
            return
        assert self._process is not None
        if _LINUX:
            ended, loop = asyncio.Event(), asyncio.get_running_loop()
            process = os.pidfd_open(self._process.pid)
            loop.add_reader(process, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(process)
                os.close(process)
        while self.is_running:  # noqa: ASYNC110 (other systems report nothing)
            await asyncio.sleep(POLL_S)

    async def stop(self) -> None:
        """Send the stop signal, and after its timeout SIGKILL. Returns when the process has ended."""
        if self._keeper is not None:
            self._keeper.cancel()
        process = self._process
        if process is None or process.poll() is not None:
            return
        for number, timeout_s in (
            (self.program.stop_signal, self.program.stop_timeout_s),
            (signal.SIGKILL, 5.0),
        ):
            process.send_signal(number)
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    return
                await asyncio.sleep(POLL_S)
            print(f"{self.program.name} did not stop within {timeout_s:g} s", flush=True)

    def _rotate_log(self) -> None:
        """Move a log that is too large aside. The child goes on writing to the same file, at its new end."""
        log = self.program.log
        try:
            if log.stat().st_size > LOG_BYTES_MAX:
                shutil.copyfile(log, log.with_suffix(".log.1"))
                os.truncate(log, 0)
        except OSError as error:
            print(f"{log} cannot be moved aside: {error}", flush=True)

    def _log_tail(self) -> str:
        try:
            with self.program.log.open("rb") as file:
                file.seek(max(0, self.program.log.stat().st_size - 16_384))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return "(no log)"
        return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])


def _reason(code: int) -> str:
    """The exit code, or the signal that ended the process, as text."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


class Supervisor:
    """All children of one exchange."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.children: list[Child] = []
        self._changed = changed

    async def start(self, program: Program) -> Child:
        """Start a child after the previous ones. Raises CannotStart."""
        child = Child(program, self._changed)
        self.children.append(child)
        await child.start()
        return child

    async def stop(self) -> None:
        """Stop all children, the last one first."""
        for child in reversed(self.children):
            await child.stop()
