"""A child that writes without end fills two files of a bounded size, and nothing more."""

import asyncio
import sys
from pathlib import Path

import pytest

from cift.run import supervisor
from cift.run.supervisor import Child, Program
from tests.target import until

LIMIT = 100_000


async def test_a_large_log_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOG_BYTES_MAX", LIMIT)
    log = tmp_path / "noisy.log"
    lines = "import time\nwhile True:\n    print('a line of a log ' * 5, flush=True)\n    time.sleep(0.0001)"

    async def ready() -> bool:
        return log.exists() and log.stat().st_size > 0

    child = Child(
        Program(name="noisy", command=[sys.executable, "-c", lines], log=log, ready=ready), lambda: None
    )
    await child.start()
    moved = log.with_suffix(".log.1")
    try:

        async def rotated() -> bool:
            return moved.exists() and 0 < log.stat().st_size < moved.stat().st_size

        await until(rotated, "the log was moved aside, and the child writes on")
        first = await asyncio.to_thread(moved.read_text)
        assert first.startswith("a line of a log"), "the file has no hole at its beginning"
        assert not log.read_bytes().startswith(b"\x00")
    finally:
        await child.stop()
