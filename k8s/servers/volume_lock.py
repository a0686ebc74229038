"""A lock on a store's volume, so that only one server uses it.

Two pods of one name can overlap: after a forced deletion the old pod may still be stopping while the new
one starts. PostgreSQL's lock file does not help, because each pod has its own process ids; nats-server
has no lock file."""

import fcntl
import os
import sys
import time
from pathlib import Path

WAIT_S = 120.0
POLL_S = 0.1


def hold(folder: Path) -> None:
    """Wait until no other server holds the folder, then hold it until this process and its children have
    ended.

    The lock survives `exec`. Exits after WAIT_S."""
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
                sys.exit(f"another server still uses {folder} after {WAIT_S:g} s")
        if not waits:
            print(f"another server uses {folder}: waiting until it has ended", file=sys.stderr, flush=True)
            waits = True
        time.sleep(POLL_S)
