"""The data folder of an exchange (`.cift/`): one instance at a time, whole or not used.

exchange.json   written when the first start was complete; its absence means it was interrupted
lock            held (flock) by the running supervisor, whose pid it holds
run.json        addresses and pids of the running exchange (mode 600; removed at the end)
keys/           signing keys (mode 600)        postgres/  nats/  clickhouse/   the stores
logs/           a file a process                demo.json  the first user (mode 600)
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

FORMAT = 1
_OURS = {
    "exchange.json",
    "lock",
    "run.json",
    "keys",
    "postgres",
    "postgres.partial",
    "nats",
    "nats.conf",
    "clickhouse",
    "logs",
    "sockets",
    "demo.json",
    "cli",
    "credentials.json",
}
SOCKET_PATH_MAX = 90  # a Unix socket's whole path has 107 bytes


class UnusableFolder(Exception):
    """The data folder cannot be used; one sentence, with what to do."""


class DataFolder:
    """The folder, locked by this process until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        self._far_sockets: Path | None = None

    # ── opening ─────────────────────────────────────────────────────────────────────────────────
    def acquire(self) -> None:
        """Make or check the folder and lock it.

        Raises:
            UnusableFolder: in use, not ours, incomplete, of another release, or not writable.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UnusableFolder(f"the data folder {self.path} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.read(self._lock, 20).decode("ascii", "replace").strip() or "unknown"
            raise UnusableFolder(
                f"an exchange runs with the data folder {self.path} already (process {pid}): stop it, or"
                " choose another folder with CIFT_DATA"
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        (self.path / "run.json").unlink(missing_ok=True)  # of a run that was killed
        self._check()

    def _check(self) -> None:
        strange = sorted(entry.name for entry in self.path.iterdir() if not _ours(entry.name))
        marker = self.path / "exchange.json"
        if not marker.exists():
            if strange:
                raise UnusableFolder(
                    f"{self.path} is not a data folder of CIFT Markets (it holds {strange[0]}): choose"
                    " another with CIFT_DATA"
                )
            return
        try:
            found = json.loads(marker.read_text())["format"]
        except (OSError, ValueError, KeyError, TypeError):
            raise UnusableFolder(
                f"{marker} cannot be read: restore it from a backup, or move {self.path} away to begin anew"
            ) from None
        if found != FORMAT:
            raise UnusableFolder(
                f"the data folder {self.path} has format {found}, this release knows {FORMAT}: use the"
                " release that wrote it"
            )
        for part, what in (
            ("postgres/PG_VERSION", "PostgreSQL's data"),
            ("nats/jetstream", "the journal"),
            ("keys", "the signing keys"),
        ):
            if not (self.path / part).exists():
                raise UnusableFolder(
                    f"the data folder {self.path} is incomplete: {what} ({part}) is missing; restore it"
                    " from a backup, or move the folder away to begin anew"
                )

    @property
    def is_complete(self) -> bool:
        """Whether a first start came to its end here."""
        return (self.path / "exchange.json").exists()

    @property
    def was_interrupted(self) -> bool:
        """Whether a first start began here and did not come to its end."""
        return not self.is_complete and (self.path / "keys").exists()

    def complete(self) -> None:
        """Mark the first start as complete."""
        self.write("exchange.json", {"format": FORMAT})

    def release(self) -> None:
        """Remove what is only true while running, and unlock."""
        for name in ("run.json",):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "sockets", ignore_errors=True)
        if self._far_sockets is not None:
            shutil.rmtree(self._far_sockets, ignore_errors=True)
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    # ── contents ────────────────────────────────────────────────────────────────────────────────
    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file, whole or not at all, for the owner only."""
        partial = self.path / f".{name}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path / name)

    def read(self, name: str) -> dict[str, Any] | None:
        """A JSON file of the folder, or None where there is none that can be read."""
        try:
            found = json.loads((self.path / name).read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def log(self, name: str) -> Path:
        folder = self.path / "logs"
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder / f"{name}.log"

    @property
    def sockets(self) -> Path:
        """A folder for Unix sockets: in the data folder, or where its path is too long, in /tmp."""
        if self._far_sockets is not None:
            return self._far_sockets
        near = self.path / "sockets"
        if len(str(near)) <= SOCKET_PATH_MAX:
            near.mkdir(exist_ok=True, mode=0o700)
            return near
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        self._far_sockets = Path(tempfile.mkdtemp(prefix=f"cift-{digest}-"))
        return self._far_sockets


def _ours(name: str) -> bool:
    return name in _OURS or name.startswith(".")
