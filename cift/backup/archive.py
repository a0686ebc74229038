"""The file of a backup: a zip of members, and a manifest with their checksums. It is created atomically.

Tables are compressed here; streams arrive compressed from the server. Writing and reading block the event
loop, which is acceptable because a process that makes a backup does nothing else.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

FORMAT = 1
MANIFEST = "manifest.json"
READ_BYTES = 1024 * 1024
# The errors that zipfile raises for damaged bytes.
_DAMAGE = (OSError, ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


class BackupError(Exception):
    """A backup or a restore failed; one sentence."""


class Member:
    """A member while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def write(self, data: bytes) -> None:
        self._sum.update(data)
        self._file.write(data)

    @property
    def sum(self) -> str:
        return self._sum.hexdigest()


class Writer:
    """A new backup file. Without `finish` it is deleted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._partial = path.with_name(f".{path.name}.partial")
        self._sums: dict[str, str] = {}
        self._finished = False

    def __enter__(self) -> "Writer":
        if self.path.exists():
            raise BackupError(f"{self.path} exists already: choose another file")
        try:
            descriptor = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise BackupError(f"{self.path} cannot be written: {error.strerror}") from None
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", allowZip64=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._zip.close()
            self._file.close()
            self._partial.unlink(missing_ok=True)

    @contextmanager
    def member(self, name: str, *, compress: bool) -> Iterator[Member]:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with self._zip.open(info, "w", force_zip64=True) as file:
            member = Member(file)
            yield member
        self._sums[name] = member.sum

    def finish(self, manifest: dict[str, Any]) -> int:
        """Write the manifest and move the file to its path; returns its size in bytes."""
        content = {"format": FORMAT, **manifest, "sums": self._sums}
        self._zip.writestr(MANIFEST, json.dumps(content, indent=1))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        self._partial.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._finished = True
        return size


class Reader:
    """A backup, opened for reading after all checksums were verified.

    Raises:
        BackupError: on entry, if it is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> "Reader":
        try:
            self._zip = zipfile.ZipFile(self.path)
        except FileNotFoundError:
            raise BackupError(f"there is no backup {self.path}") from None
        except (OSError, zipfile.BadZipFile) as error:
            raise BackupError(f"{self.path} is not a complete backup: {error}") from None
        try:
            self.size = self.path.stat().st_size
            self.manifest = self._read_manifest()
            self._check()
        except BaseException:
            self._zip.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        with self._zip.open(name) as file:
            yield file

    def _read_manifest(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._zip.read(MANIFEST))
        except (KeyError, *_DAMAGE) as error:
            raise BackupError(f"{self.path} is not a complete backup: {error}") from None
        return found

    def _check(self) -> None:
        if self.manifest.get("format") != FORMAT:
            raise BackupError(
                f"{self.path} has format {self.manifest.get('format')}, but this release reads {FORMAT}:"
                " restore it with the release that made it"
            )
        for name, expected in self.manifest["sums"].items():
            found = hashlib.sha256()
            try:
                with self._zip.open(name) as file:
                    while data := file.read(READ_BYTES):
                        found.update(data)
            except (KeyError, *_DAMAGE) as error:
                raise BackupError(f"{self.path} is damaged ({name}: {error}): nothing was restored") from None
            if found.hexdigest() != expected:
                raise BackupError(f"{self.path} is damaged (the checksum of {name} is wrong)")
