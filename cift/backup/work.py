"""Make a backup and restore one: the steps and their order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

from cift import __version__
from cift.backup import database, streams
from cift.backup.archive import BackupError, Reader, Writer
from cift.platform.nats import JOURNAL_ID
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from nats.aio.client import Client

FOLDER = "streams"
ALSO = ("DLQ",)
"""Streams that are saved if they exist: dead letters that no handler has accepted yet."""
CONNECT_TIMEOUT_S = 10.0
Part = Literal["database", "journal"]


@dataclass(frozen=True, slots=True)
class Summary:
    """The content of a backup. `journal_records` is the journal's last sequence."""

    made_at: str
    rows: int
    journal_id: str
    journal_records: int
    streams: tuple[str, ...]
    file_bytes: int


async def make(settings: Settings, path: Path, also: tuple[str, ...] = ()) -> Summary:
    """Back up the stores of these settings, and the streams in `also`, into a new file.

    Raises:
        BackupError: it failed; there is no file.
    """
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    with Writer(path) as archive:
        async with _database(settings) as connection:
            tables = await database.save(connection, archive)
        saved: dict[str, Any] = {}
        async with _nats(settings) as client:
            # The journal last: it must contain everything that the others refer to.
            for stream in (
                *dict.fromkeys((*ALSO, *also)),
                settings.snapshots_stream,
                settings.journal_stream,
            ):
                with archive.member(f"{FOLDER}/{stream}", compress=False) as member:
                    found = await streams.save(client, stream, member.write)
                if found is not None:
                    saved[stream] = found
                elif stream not in ALSO:
                    raise BackupError(f"NATS has no stream {stream}: check CIFT_NATS_URL and CIFT_SHARD")
        manifest = {
            "made_at": made_at,
            "release": __version__,
            "shard": settings.shard,
            "tables": tables,
            "streams": saved,
        }
        size = archive.finish(manifest)
    return _summary(manifest, settings, size)


async def restore(
    settings: Settings, path: Path, *, only: Part | None = None, replicas: int | None = None
) -> Summary:
    """Fill the empty stores of these settings.

    Streams are restored first, and a stream that exists exactly as it was saved is skipped, so a restore that
    failed can be repeated. If the database is older than the journal, the projectors add the missing rows.

    Args:
        only: restore only the database or only the journal; the other one comes from elsewhere.
        replicas: of each stream; None: as they were.

    Raises:
        BackupError: it failed; the database is unchanged.
    """
    with Reader(path) as archive:
        manifest = archive.manifest
        if manifest["shard"] != settings.shard:
            raise BackupError(f"{path} is a backup of the shard {manifest['shard']}, not of {settings.shard}")
        if only != "journal":
            async with _database(settings) as connection:
                await database.check_empty(connection, manifest["tables"])
        if only != "database":
            async with _nats(settings) as client:
                missing = [
                    name
                    for name, saved in manifest["streams"].items()
                    if not _same(name, saved, await streams.state(client, name))
                ]
                for name in missing:
                    with archive.member(f"{FOLDER}/{name}") as file:
                        await streams.load(client, name, manifest["streams"][name], _chunks(file), replicas)
        if only != "journal":
            async with _database(settings) as connection:
                await database.load(connection, archive, manifest["tables"])
    return _summary(manifest, settings, archive.size)


def _same(name: str, saved: dict[str, Any], present: dict[str, Any] | None) -> bool:
    """Whether the stream exists as it was saved; False if it does not exist. Raises BackupError."""
    if present is None:
        return False
    if _fingerprint(present) == _fingerprint(saved):
        return True
    raise BackupError(
        f"NATS has another stream {name} already: restore into a new NATS before matchd starts on it, or"
        " delete the stream"
    )


def _fingerprint(stream: dict[str, Any]) -> tuple[Any, ...]:
    state = stream["state"]
    journal_id = (stream["config"].get("metadata") or {}).get(JOURNAL_ID)
    return journal_id, state["first_seq"], state["last_seq"], state["messages"]


def _chunks(file: Any) -> Iterator[bytes]:
    while data := file.read(streams.CHUNK_BYTES):
        yield data


def _summary(manifest: dict[str, Any], settings: Settings, size: int) -> Summary:
    journal = manifest["streams"][settings.journal_stream]
    return Summary(
        made_at=manifest["made_at"],
        rows=sum(table["rows"] for table in manifest["tables"].values()),
        journal_id=(journal["config"].get("metadata") or {}).get(JOURNAL_ID, ""),
        journal_records=journal["state"]["last_seq"],
        streams=tuple(manifest["streams"]),
        file_bytes=size,
    )


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Any]:
    try:
        connection = await asyncpg.connect(
            settings.postgres_url, timeout=CONNECT_TIMEOUT_S, server_settings={"timezone": "UTC"}
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise BackupError(f"the database does not respond: {error or type(error).__name__}") from None
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise BackupError(f"the database failed: {error}") from None
    finally:
        await connection.close()


@asynccontextmanager
async def _nats(settings: Settings) -> "AsyncIterator[Client]":
    import nats
    import nats.errors

    async def quiet(error: Exception) -> None:
        """Ignore it: requests report every failure themselves."""

    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            client = await nats.connect(
                settings.nats_url, name="cift backup", allow_reconnect=False, error_cb=quiet
            )
    except (OSError, nats.errors.Error, TimeoutError) as error:
        raise BackupError(f"NATS does not respond: {error or type(error).__name__}") from None
    try:
        yield client
    finally:
        await client.close()
