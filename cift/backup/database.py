"""Save and load PostgreSQL's tables by COPY in text format, which every release of PostgreSQL reads.

`save` uses one read-only transaction, so all tables are from the same moment. `load` uses one transaction
with our triggers disabled, because the saved rows already contain their results. Its tables must be empty,
except those that migrations fill. A backup fits the schema that it was made from, and later ones: columns
that were added since keep their defaults.
"""

from typing import Any

import asyncpg

from cift.backup.archive import BackupError, Reader, Writer

FOLDER = "postgres"
NOT_SAVED = ("schema_migrations",)
"""The target database has its own record of migrations."""
SEEDED = ("instrument_details",)
"""Tables that migrations fill; the saved rows replace those."""
_TABLES = """
SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.relname
"""
_REFERENCES = """
SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent
FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid
"""
_IDENTITIES = """
SELECT c.relname AS table, a.attname AS column FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE a.attidentity <> '' AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
"""
Connection = Any  # asyncpg's is generic in its stubs only


async def tables(connection: Connection) -> dict[str, list[str]]:
    """Name → stored columns; a table comes after the tables that it refers to."""
    found = {row["name"]: list(row["columns"]) for row in await connection.fetch(_TABLES)}
    for name in NOT_SAVED:
        found.pop(name, None)
    parents: dict[str, set[str]] = {name: set() for name in found}
    for row in await connection.fetch(_REFERENCES):
        if row["child"] in found:
            parents[row["child"]].add(row["parent"])
    ordered: dict[str, list[str]] = {}
    while len(ordered) < len(found):
        ready = [name for name in sorted(found) if name not in ordered and parents[name] <= ordered.keys()]
        assert ready, f"tables refer to each other in a cycle: {sorted(set(found) - set(ordered))}"
        ordered |= {name: found[name] for name in ready}
    return ordered


async def save(connection: Connection, archive: Writer) -> dict[str, Any]:
    """Write every table; returns name → columns and number of rows."""
    written: dict[str, Any] = {}
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for name, columns in (await tables(connection)).items():
            with archive.member(f"{FOLDER}/{name}", compress=True) as member:

                async def write(data: bytes, into: Any = member) -> None:
                    into.write(data)

                listed = ", ".join(f'"{column}"' for column in columns)
                done = await connection.copy_from_query(f'SELECT {listed} FROM "{name}"', output=write)  # noqa: S608
            written[name] = {"columns": columns, "rows": _count(done)}
    return written


async def check_empty(connection: Connection, saved: dict[str, Any]) -> None:
    """Raises BackupError if the database lacks a saved column, or is not empty."""
    present = await tables(connection)
    for name, table in saved.items():
        missing = set(table["columns"]) - set(present.get(name, ()))
        if name not in present or missing:
            what = f"{name}.{min(missing)}" if name in present else name
            raise BackupError(f"this release's database has no {what}: use the release that made the backup")
    for name in (name for name in present if name not in SEEDED):
        if await connection.fetchval(f'SELECT EXISTS (SELECT FROM "{name}")'):  # noqa: S608
            raise BackupError(
                f"the database is not empty ({name} has rows): restore into a new database, or empty this one"
            )


async def load(connection: Connection, archive: Reader, saved: dict[str, Any]) -> int:
    """Fill the empty tables in one transaction; returns the number of rows. Raises BackupError."""
    rows = 0
    try:
        async with connection.transaction():
            ordered = await tables(connection)
            for name in (name for name in ordered if name in saved):
                await connection.execute(f'ALTER TABLE "{name}" DISABLE TRIGGER USER')
                if name in SEEDED:
                    await connection.execute(f'DELETE FROM "{name}"')  # noqa: S608 (a name of our own)
                with archive.member(f"{FOLDER}/{name}") as file:
                    done = await connection.copy_to_table(
                        name, source=file, columns=saved[name]["columns"], format="text"
                    )
                await connection.execute(f'ALTER TABLE "{name}" ENABLE TRIGGER USER')
                if _count(done) != saved[name]["rows"]:
                    raise BackupError(f"{name}: {_count(done)} of {saved[name]['rows']} rows were loaded")
                rows += _count(done)
            for row in await connection.fetch(_IDENTITIES):
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{row['table']}', '{row['column']}'),"  # noqa: S608
                    f' coalesce(max("{row["column"]}"), 0) + 1, false) FROM "{row["table"]}"'
                )
    except asyncpg.PostgresError as error:
        raise BackupError(f"the database refuses the backup: {error}") from None
    return rows


def _count(status: str) -> int:
    """`COPY 12` → 12."""
    return int(status.rpartition(" ")[2])
