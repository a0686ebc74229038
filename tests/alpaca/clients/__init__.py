"""Clients whose dependencies conflict with ours run in environments of their own.

An environment is made from a locked list of packages when a test first needs it, and kept in the cache folder
(CIFT_CACHE). Without the package registry, or without Node for a client in JavaScript, the test is skipped.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent
INSTALL_TIMEOUT_S = 600.0
RUN_TIMEOUT_S = 300.0
NODE_MIN = 20


def environment(name: str) -> Path:
    """The Python of the environment `<name>.lock`; skips the test if it cannot be installed."""
    lock = FOLDER / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]

    def install(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        _install(name, [folder / "bin/pip", "install", "--quiet", "--require-hashes", "-r", lock])

    return _made(name, digest, install) / "bin/python"


def node_modules(name: str, lists: Path | None = None) -> Path:
    """Where the packages of the package-lock.json in the folder `lists` are; skips the test if they cannot be
    installed. The default of `lists` is `name` beside this file."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.removeprefix("v").split(".")[0]) < NODE_MIN:
        pytest.skip(f"Node {version.strip()} is too old: {NODE_MIN} or newer is needed")
    files = [(lists or FOLDER / name) / file for file in ("package.json", "package-lock.json")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]

    def install(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        for file in files:
            shutil.copy(file, folder)
        _install(name, [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder])

    return _made(name, digest, install)


def _made(name: str, digest: str, install: Callable[[Path], None]) -> Path:
    """The cached folder `name` of this digest, filled by `install` when it is first needed."""
    cache = Path(os.environ.get("CIFT_CACHE") or Path.home() / ".cache" / "cift") / "clients"
    folder = cache / f"{name}-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # several test processes
        if not (folder / "complete").exists():
            install(folder)
            (folder / "complete").touch()
    return folder


def _install(name: str, command: Sequence[str | Path]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the packages of {name} were not installed in {INSTALL_TIMEOUT_S:g} s")
    if done.returncode != 0:
        pytest.skip(f"the packages of {name} cannot be installed: {done.stderr[-300:]}")


def run(name: str, script: str, timeout_s: float = RUN_TIMEOUT_S, **variables: str) -> Any:
    """What a script beside this file (or an absolute path) prints as JSON, run in an environment with these
    variables."""
    return _output([environment(name), FOLDER / script], variables, timeout_s)


def run_node(name: str, script: str, **variables: str) -> Any:
    """What a script in the folder `name` prints as JSON, run by Node with the packages of that folder."""
    modules = node_modules(name) / "node_modules"
    return _output(["node", FOLDER / name / script], {"NODE_MODULES": str(modules), **variables})


def _output(
    command: Sequence[str | Path], variables: dict[str, str], timeout_s: float = RUN_TIMEOUT_S
) -> Any:
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.splitlines()[-1])
