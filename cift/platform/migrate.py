"""Migrate PostgreSQL to the schema of this release: `database/postgres/migrations/NNNN_name.sql` in order.

Each file runs once, in one transaction with its row in `schema_migrations`. An advisory lock keeps two
processes from migrating at the same time. A file that changed after it ran is an error. `schema.sql` is the
sum of all migrations, which a test checks.
"""

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from cift.platform.settings import Settings

FOLDER = Path(__file__).resolve().parent.parent.parent / "database" / "postgres" / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)
CONNECT_TIMEOUT_S = 10.0
STARTS_WITHIN_S = 180.0
"""In a new cluster the database starts at the same time as the job that migrates it."""
POLL_S = 0.5
_LOCK = 0x43494654  # any number that nothing else in this database locks


class MigrationError(Exception):
    """The folder or the database cannot be migrated; one sentence."""


@dataclass(frozen=True)
class Migration:
    """One file of the folder."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path = FOLDER) -> list[Migration]:
    """The folder's files by number. Raises MigrationError for invalid names, gaps and duplicates."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise MigrationError(f"{path.name}: the name of a migration must be NNNN_name.sql")
        found.append(Migration(int(name[1]), path.stem, path.read_text()))
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise MigrationError("migrations must be numbered 0001, 0002, … without gaps or duplicates")
    return found


async def migrate(postgres_url: str, folder: Path = FOLDER) -> list[str]:
    """Run the pending migrations; returns their names.

    Raises:
        MigrationError: a file changed after it ran, or a later release migrated the database.
    """
    migrations = read_migrations(folder)
    connection = await asyncpg.connect(postgres_url, timeout=CONNECT_TIMEOUT_S)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (number int PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch("SELECT number, name, checksum FROM schema_migrations ORDER BY number")
        if len(rows) > len(migrations):
            raise MigrationError(
                f"the database has the migration {rows[-1]['name']} of a later release: use that release or a"
                " new database"
            )
        for row, migration in zip(rows, migrations, strict=False):
            if row["checksum"] != migration.checksum:
                raise MigrationError(
                    f"the migration {migration.name} changed after it ran; write a new migration instead"
                )
        ran = []
        for migration in migrations[len(rows) :]:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)",
                    migration.number,
                    migration.name,
                    migration.checksum,
                )
            ran.append(migration.name)
        return ran
    finally:
        await connection.close()


async def wait_until_ready(postgres_url: str, timeout_s: float) -> None:
    """Wait for a database that is still starting.

    Raises:
        OSError, TimeoutError, asyncpg.PostgresError: the last error, after `timeout_s`.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            await (await asyncpg.connect(postgres_url, timeout=CONNECT_TIMEOUT_S)).close()
            return
        except (OSError, TimeoutError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(POLL_S)


async def _main(postgres_url: str) -> list[str]:
    await wait_until_ready(postgres_url, STARTS_WITHIN_S)
    return await migrate(postgres_url)


def main() -> None:
    """`python -m cift.platform.migrate`: migrate the database of the settings after it has started."""
    for name in asyncio.run(_main(Settings.load().postgres_url)):
        print(name)


if __name__ == "__main__":
    main()
