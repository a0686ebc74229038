"""Hold a store's volume for one server alone.

Two pods of one name can overlap: one that was deleted by force still ends while the next one starts. Each has
process ids of its own, so PostgreSQL's lock file cannot tell them apart, and nats-server has none."""

import fcntl
import os
import sys
import time
from pathlib import Path

WAIT_S = 120.0
POLL_S = 0.1


def hold(folder: Path) -> None:
    """Wait until no other server has the folder; from then on this process has it, what it becomes, and its
    children, until all of them have ended."""
    lock = os.open(folder / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(lock, True)
    deadline = time.monotonic() + WAIT_S
    waits = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                sys.exit(f"another server still has {folder} after {WAIT_S:g} s")
        if not waits:
            print(
                f"another server still has {folder}: waiting until it has ended", file=sys.stderr, flush=True
            )
            waits = True
        time.sleep(POLL_S)
