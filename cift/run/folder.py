"""The data folder of an exchange (`.cift/`): used by one exchange at a time, and only if it is complete.

exchange.json   the folder's format, and whether the first start is complete
lock            locked (flock) by the running supervisor; contains its pid
run.json        addresses and pids of the running exchange (mode 600; removed at the end)
keys/           signing keys (mode 600)        postgres/  nats/  clickhouse/   the stores
archive/        records that left the journal, compressed (CIFT_ARCHIVE)
logs/           one file per process           demo.json  the first user (mode 600)
mail/           e-mail, where no mail server is set (mode 600)
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, NoReturn

FORMAT = 2
"""Raise it when this release cannot use a folder of the release before: 2, because the PostgreSQL migrations
were rewritten."""
MARKER = "exchange.json"
_STORES = ("keys", "postgres", "nats")
_OURS = {
    "exchange.json",
    "lock",
    "run.json",
    "keys",
    "postgres",
    "postgres.partial",
    "nats",
    "nats.conf",
    "archive",
    "relay.json",
    "clickhouse",
    "logs",
    "mail",
    "sockets",
    "demo.json",
    "cli",
    "credentials.json",
}
SOCKET_PATH_MAX = 90  # the path of a Unix socket has at most 107 bytes


class UnusableFolder(Exception):
    """The data folder cannot be used; one sentence with the remedy."""


class DataFolder:
    """The folder, locked by this process until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock: int | None = None
        self._far_sockets: Path | None = None

    def acquire(self) -> None:
        """Create or check the folder, and lock it.

        Raises:
            UnusableFolder: in use, not ours, incomplete, of another format, or not writable.
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
                f"an exchange already runs with the data folder {self.path} (process {pid}): stop it, or"
                " choose another folder with CIFT_DATA"
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, f"{os.getpid()}\n".encode())
        (self.path / "run.json").unlink(missing_ok=True)  # left by a run that was killed
        self._check()

    def _check(self) -> None:
        strange = sorted(entry.name for entry in self.path.iterdir() if not _ours(entry.name))
        marker = self.path / MARKER
        if not marker.exists():
            if strange:
                raise UnusableFolder(
                    f"{self.path} is not a data folder of CIFT Markets (it contains {strange[0]}): choose"
                    " another folder with CIFT_DATA"
                )
            if any((self.path / name).exists() for name in _STORES):
                # Format 1 had no marker until the first start was complete.
                self._refuse_format(1)
            self.write(MARKER, {"format": FORMAT, "complete": False})
            return
        try:
            found = json.loads(marker.read_text())["format"]
        except (OSError, ValueError, KeyError, TypeError):
            raise UnusableFolder(
                f"{marker} cannot be read: restore it from a copy, or move {self.path} away to start a new"
                " exchange"
            ) from None
        if found != FORMAT:
            self._refuse_format(found)
        if not self.is_complete:
            return
        for part, what in (
            ("postgres/PG_VERSION", "PostgreSQL's data"),
            ("nats/jetstream", "the journal"),
            ("keys", "the signing keys"),
        ):
            if not (self.path / part).exists():
                raise UnusableFolder(
                    f"the data folder {self.path} is incomplete: {what} ({part}) is missing; restore it"
                    " from a copy, or move the folder away to start a new exchange"
                )

    def _refuse_format(self, found: Any) -> NoReturn:
        older = isinstance(found, int) and found < FORMAT
        raise UnusableFolder(
            f"the data folder {self.path} was written by {'an older' if older else 'another'} release"
            f" (format {found}; this release uses {FORMAT}): start it with that release, or move the folder"
            " away to start a new exchange"
        )

    @property
    def is_complete(self) -> bool:
        """Whether the first start in this folder has completed."""
        return (self.read(MARKER) or {}).get("complete") is True

    @property
    def was_interrupted(self) -> bool:
        """Whether a first start began in this folder and did not complete."""
        return not self.is_complete and (self.path / "keys").exists()

    def complete(self) -> None:
        """Mark the first start as complete."""
        self.write(MARKER, {"format": FORMAT, "complete": True})

    def release(self) -> None:
        """Remove the files of the running exchange, and unlock the folder."""
        for name in ("run.json",):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "sockets", ignore_errors=True)
        if self._far_sockets is not None:
            shutil.rmtree(self._far_sockets, ignore_errors=True)
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write a JSON file atomically, readable by the owner only."""
        partial = self.path / f".{name}.partial"
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path / name)

    def read(self, name: str) -> dict[str, Any] | None:
        """The content of a JSON file of the folder; None if it is missing or unreadable."""
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
        """The folder for Unix sockets: in the data folder or, if its path is too long, in /tmp."""
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
