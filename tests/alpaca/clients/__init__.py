"""Clients whose dependencies conflict with ours run in environments of their own.

An environment is made from a locked list of packages when a test first needs it, and kept in the cache folder
(CIFT_CACHE). Without the package registry the test is skipped.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent
INSTALL_TIMEOUT_S = 600.0
RUN_TIMEOUT_S = 300.0


def environment(name: str) -> Path:
    """The Python of the environment `<name>.lock`; skips the test if it cannot be installed."""
    lock = FOLDER / f"{name}.lock"
    cache = Path(os.environ.get("CIFT_CACHE") or Path.home() / ".cache" / "cift") / "clients"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache / f"{name}-{digest}"
    python = folder / "bin" / "python"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # several test processes
        if not (folder / "complete").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            install = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock]
            try:
                done = subprocess.run(
                    install, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
                )
            except subprocess.TimeoutExpired:
                pytest.skip(f"the packages of {name} were not installed in {INSTALL_TIMEOUT_S:g} s")
            if done.returncode != 0:
                pytest.skip(f"the packages of {name} cannot be installed: {done.stderr[-300:]}")
            (folder / "complete").touch()
    return python


def run(name: str, script: str, **variables: str) -> Any:
    """What a script beside this file prints as JSON, run in an environment with these variables."""
    done = subprocess.run(
        [environment(name), FOLDER / script],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, f"{script} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])
