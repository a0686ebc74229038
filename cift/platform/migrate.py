"""Bring PostgreSQL to the schema of this release: `database/postgres/migrations/NNNN_name.sql` in order.

Each file runs once, in a transaction with its row in `schema_migrations`, under an advisory lock, so
that two starting processes do not both migrate. A file that was changed after it ran is refused:
migrations are history, and `schema.sql` (their sum, tested) is the present.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from cift.platform.settings import Settings

FOLDER = Path(__file__).resolve().parent.parent.parent / "database" / "postgres" / "migrations"
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql", re.ASCII)
_LOCK = 0x43494654  # any number that nothing else in this database locks


class MigrationError(Exception):
    """The folder or the database is not as it must be; one sentence."""


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
    """The folder's files by number. Raises MigrationError for odd names, gaps and doubles."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise MigrationError(f"{path.name}: a migration is called NNNN_name.sql")
        found.append(Migration(int(name[1]), path.stem, path.read_text()))
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise MigrationError("migrations must be numbered 0001, 0002, … without gap or double")
    return found


async def migrate(postgres_url: str, folder: Path = FOLDER) -> list[str]:
    """Run what has not run yet; returns the names of what ran.

    Raises:
        MigrationError: a file changed after it ran, or the database is of a later release.
    """
    migrations = read_migrations(folder)
    connection = await asyncpg.connect(postgres_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations (number int PRIMARY KEY, name text NOT NULL,"
            " checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        rows = await connection.fetch("SELECT number, name, checksum FROM schema_migrations ORDER BY number")
        if len(rows) > len(migrations):
            raise MigrationError(
                f"the database has migration {rows[-1]['name']}, which this release does not know:"
                " it was used by a later one"
            )
        for row, migration in zip(rows, migrations, strict=False):
            if row["checksum"] != migration.checksum:
                raise MigrationError(
                    f"migration {migration.name} changed after it ran; write a new one instead"
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


def main() -> None:
    """`python -m cift.platform.migrate`: migrate the database of the settings."""
    for name in asyncio.run(migrate(Settings.load().postgres_url)):
        print(name)


if __name__ == "__main__":
    main()
