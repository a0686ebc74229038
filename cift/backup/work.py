"""Make a backup, and restore one: the order of things."""

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
"""Streams that are saved where they are: what no handler could deal with yet."""
CONNECT_TIMEOUT_S = 10.0
Part = Literal["database", "journal"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backup holds. `journal_records`: the journal's last sequence."""

    made_at: str
    rows: int
    journal_id: str
    journal_records: int
    streams: tuple[str, ...]
    file_bytes: int


async def make(settings: Settings, path: Path, also: tuple[str, ...] = ()) -> Summary:
    """Back up the stores of these settings into a new file; `also`: more streams.

    Raises BackupError; then there is no file."""
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    with Writer(path) as archive:
        async with _database(settings) as connection:
            tables = await database.save(connection, archive)
        saved: dict[str, Any] = {}
        async with _nats(settings) as client:
            # The journal last: it must hold whatever the others speak of.
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
                    raise BackupError(f"there is no stream {stream}: is this the exchange's NATS?")
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
    """Fill the empty stores of these settings; `replicas` of each stream, if not as they were.

    Streams come first, and one that is there just as it was saved is left: what broke off is repeated.
    `only` one of them, where the other comes from elsewhere; a database older than the journal is
    brought forward by the projectors.

    Raises BackupError; then the database is as it was."""
    with Reader(path) as archive:
        manifest = archive.manifest
        if manifest["shard"] != settings.shard:
            raise BackupError(f"{path} is of shard {manifest['shard']}, not of {settings.shard}")
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


def _same(name: str, saved: dict[str, Any], there: dict[str, Any] | None) -> bool:
    """Whether the stream is there as it was saved; False: it is not there. Raises BackupError."""
    if there is None:
        return False
    if _mark(there) == _mark(saved):
        return True
    raise BackupError(
        f"there is a stream {name} already, and not the one of this backup: restore into a new NATS"
        " before matchd is started on it, or delete the stream"
    )


def _mark(stream: dict[str, Any]) -> tuple[Any, ...]:
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
        raise BackupError(f"the database does not answer: {error or type(error).__name__}") from None
    try:
        yield connection
    except asyncpg.PostgresError as error:
        raise BackupError(f"the database broke off: {error}") from None
    finally:
        await connection.close()


@asynccontextmanager
async def _nats(settings: Settings) -> "AsyncIterator[Client]":
    import nats
    import nats.errors

    async def quiet(error: Exception) -> None:
        """Every failure is the answer to a request."""

    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            client = await nats.connect(
                settings.nats_url, name="cift backup", allow_reconnect=False, error_cb=quiet
            )
    except (OSError, nats.errors.Error, TimeoutError) as error:
        raise BackupError(f"NATS does not answer: {error or type(error).__name__}") from None
    try:
        yield client
    finally:
        await client.close()
