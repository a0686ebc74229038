"""Files as tables of text, whatever they are packed in: zip, gzip, zstd, bzip2, UTF-8 or UTF-16.

The kind of a file is read from its first bytes, never from its name. Text is decoded and cut into blocks of
whole lines, so a file of any size takes the memory of one block.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, cast

from cift.recordings.problem import Unreadable

BLOCK_BYTES = 8 * 1024 * 1024
SNIFF_BYTES = 64 * 1024
MEMBERS_MAX = 10_000
_MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"))
_IGNORED = ("__MACOSX", ".DS_Store", "README", "CHECKSUM", "LICENSE")


@dataclass(frozen=True)
class Part:
    """One table: a file, or a member of an archive."""

    label: str
    """How messages name it."""
    name: str
    """The file's own name, without the endings of compression."""
    path: Path
    """The file on disk that contains it."""
    opened: Callable[[], IO[bytes]]
    """Opens its bytes, decompressed."""
    is_plain: bool
    """Whether it is the file on disk itself."""

    def start(self, count: int = SNIFF_BYTES) -> bytes:
        """Its first bytes. Raises Unreadable."""
        with reading(self) as stream:
            return stream.read(count)


class reading:
    """Opens a part, and turns errors of its container into Unreadable."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __enter__(self) -> IO[bytes]:
        try:
            self._stream = self._part.opened()
        except (OSError, EOFError, zipfile.BadZipFile, RuntimeError) as error:
            raise Unreadable(f"{self._part.label} cannot be opened: {_short(error)}") from None
        return self._stream

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._stream.close()
        broken: tuple[type[BaseException], ...] = (
            OSError,
            EOFError,
            zipfile.BadZipFile,
            zlib.error,
            *_zstd_errors(),
        )
        if error is not None and isinstance(error, broken):
            raise Unreadable(f"{self._part.label} is damaged: {_short(error)}; get the file again") from None


def parts(path: Path) -> list[Part]:
    """The tables in a file. Raises Unreadable."""
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise Unreadable(f"{path} cannot be opened: {error.strerror or error}") from None
    if start.startswith(b"PK\x03\x04"):
        return _members(path)
    if not start:
        raise Unreadable(f"{path} is empty")
    return [_unpacked(str(path), path.name, path, lambda: path.open("rb"), start, is_plain=True)]


def _members(path: Path) -> list[Part]:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [each for each in archive.infolist() if not each.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise Unreadable(f"{path} is damaged: {_short(error)}; get the file again") from None
    found = [each for each in found if not any(word in each.filename for word in _IGNORED)]
    if not found:
        raise Unreadable(f"{path} contains no file")
    if len(found) > MEMBERS_MAX:
        raise Unreadable(f"{path} contains {len(found)} files; at most {MEMBERS_MAX} are read; unpack it")
    made = []
    for member in found:
        opened = _member_opener(path, member.filename)
        label = str(path) if len(found) == 1 else f"{path}:{member.filename}"
        try:
            with opened() as stream:
                start = stream.read(512)
        except (OSError, RuntimeError, zipfile.BadZipFile) as error:
            raise Unreadable(f"{label} cannot be opened: {_short(error)}") from None
        if start:
            name = PurePath(member.filename).name
            made.append(_unpacked(label, name, path, opened, start, is_plain=False))
    if not made:
        raise Unreadable(f"{path} contains only empty files")
    return made


def _member_opener(path: Path, name: str) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        return zipfile.ZipFile(path).open(name)

    return opened


def _unpacked(
    label: str, name: str, path: Path, opened: Callable[[], IO[bytes]], start: bytes, *, is_plain: bool
) -> Part:
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            for ending in (".gz", ".zst", ".zstd", ".bz2"):
                name = name.removesuffix(ending)
            return Part(label, name, path, _opener(kind, opened, label), is_plain=False)
    return Part(label, name, path, opened, is_plain)


def _opener(kind: str, opened: Callable[[], IO[bytes]], label: str) -> Callable[[], IO[bytes]]:
    if kind == "gzip":
        return lambda: cast("IO[bytes]", gzip.GzipFile(fileobj=opened()))
    if kind == "bzip2":
        return lambda: bz2.BZ2File(opened())

    def zstd() -> IO[bytes]:
        try:
            from backports import zstd as module
        except ImportError:
            raise Unreadable(
                f"{label} is compressed with zstd; unpack it, or install backports.zstd"
            ) from None
        return cast("IO[bytes]", module.ZstdFile(opened()))

    return zstd


def _zstd_errors() -> tuple[type[Exception], ...]:
    try:
        from backports import zstd as module
    except ImportError:
        return ()
    return (module.ZstdError,)


def encoding_of(start: bytes) -> str:
    """The encoding of a text, from its byte order mark or its zero bytes."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    sample = start[:2_000]
    if sample and sample.count(0) > len(sample) // 4:
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    return "utf-8"


def blocks(part: Part, size: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The text as UTF-8 with line feeds, in blocks of whole lines. Raises Unreadable if it is no text."""
    rest = b""
    with reading(part) as stream:
        start = stream.read(min(size, SNIFF_BYTES))
        encoding = encoding_of(start)
        decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
        chunk, is_last = start, False
        while not is_last:
            is_last = not chunk
            try:
                text = decoder.decode(chunk, final=is_last)
            except UnicodeDecodeError:
                raise Unreadable(f"{part.label} is neither UTF-8 nor UTF-16 text; save it as UTF-8") from None
            data = rest + text.encode()
            if b"\0" in data[:SNIFF_BYTES]:
                raise Unreadable(f"{part.label} is not text, and not a known binary format")
            cut = len(data) if is_last else data.rfind(b"\n") + 1
            if cut:
                yield data[:cut]
            rest = data[cut:]
            chunk = stream.read(size)


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
