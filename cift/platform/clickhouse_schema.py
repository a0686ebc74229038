"""Migrate ClickHouse to the schema of this release: `database/clickhouse/migrations/NNNN_name.sql` in order.

Unlike PostgreSQL's, these files run statement by statement, without a transaction. So each statement can run
again (`IF NOT EXISTS`), and two processes may migrate at the same time. A file is recorded after all of its
statements ran.
"""

from pathlib import Path
from typing import Any

from cift.platform.migrate import Migration, MigrationError, read_migrations

FOLDER = Path(__file__).resolve().parent.parent.parent / "database" / "clickhouse" / "migrations"
_KNOWN = """
CREATE TABLE IF NOT EXISTS schema_migrations (number UInt32, name String, checksum String)
ENGINE = ReplacingMergeTree ORDER BY number
"""


def statements(sql: str) -> list[str]:
    """The statements of a file: each ends with `;` at the end of a line."""
    parts = [part.strip() for part in f"{sql.rstrip()}\n".split(";\n")]
    return [part for part in parts if part]


def migrate(client: Any, folder: Path = FOLDER) -> list[str]:
    """Run the pending migrations with a clickhouse-connect client; returns their names.

    Raises:
        MigrationError: a file changed after it ran, or a later release migrated the store.
    """
    migrations = read_migrations(folder)
    client.command(_KNOWN)
    rows = client.query(
        "SELECT number, name, checksum FROM schema_migrations FINAL ORDER BY number"
    ).result_rows
    if len(rows) > len(migrations):
        raise MigrationError(
            f"ClickHouse has the migration {rows[-1][1]} of a later release: use that release or a new store"
        )
    for (_, name, checksum), migration in zip(rows, migrations, strict=False):
        if checksum != migration.checksum:
            raise MigrationError(
                f"the ClickHouse migration {name} changed after it ran; write a new migration instead"
            )
    for migration in migrations[len(rows) :]:
        _run(client, migration)
    return [migration.name for migration in migrations[len(rows) :]]


def _run(client: Any, migration: Migration) -> None:
    for statement in statements(migration.sql):
        client.command(statement)
    client.command(
        "INSERT INTO schema_migrations VALUES ({number:UInt32}, {name:String}, {checksum:String})",
        parameters={"number": migration.number, "name": migration.name, "checksum": migration.checksum},
    )
