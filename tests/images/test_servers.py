"""The stores' images: only one server uses a volume, even if pods of one name overlap."""

import fcntl
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT
from tests.target import eventually

# Execs another program, as the stores do, which starts a child. The lock is held until both have ended.
SERVER = """
import os, pathlib, sys
sys.path.insert(0, "k8s/servers")
import volume_lock
volume_lock.hold(pathlib.Path(sys.argv[1]))
os.execv("/bin/sh", ["sh", "-c", "sleep 60 & echo $!; wait"])
"""


def start(folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_next_server_waits_until_the_last_has_ended(tmp_path: Path) -> None:
    first = start(tmp_path)
    assert first.stdout is not None
    child = int(first.stdout.readline())
    second = start(tmp_path)
    assert second.stdout is not None and second.stderr is not None
    try:
        waiting = f"another server uses {tmp_path}: waiting until it has ended\n"
        assert second.stderr.readline() == waiting
        first.kill()
        first.wait()
        with (tmp_path / "server.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert second.poll() is None and not _reads(second), "the first server's child still holds the volume"
        subprocess.run(["kill", "-9", str(child)], check=True)
        own = int(second.stdout.readline())
        assert Path(f"/proc/{own}").exists()
        subprocess.run(["kill", "-9", str(own)], check=True)
        eventually(lambda: second.poll() is not None, "the second server ends with its child")
    finally:
        for each in (first, second):
            each.send_signal(signal.SIGKILL)
            each.wait()


def _reads(process: "subprocess.Popen[str]") -> bool:
    """Whether the process has printed something more."""
    return bool(select.select([process.stdout], [], [], 0)[0])
