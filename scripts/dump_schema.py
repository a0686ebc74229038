"""Write `database/postgres/schema.sql`: the sum of all migrations, as pg_dump prints it.

    python scripts/dump_schema.py [URL]

URL is a PostgreSQL server in which a database may be created (default: the running exchange's). The script
creates one, migrates, dumps and drops it. It leaves out session settings, comments of pg_dump and blank
lines, so that equal schemas give equal text.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg

from cift.platform.migrate import migrate
from cift.platform.settings import Settings
from cift.run.servers import postgres_binary

SCHEMA = Path(__file__).resolve().parent.parent / "database" / "postgres" / "schema.sql"
HEADER = """\
-- The complete PostgreSQL schema: the sum of database/postgres/migrations. Do not edit.
-- Written by `python scripts/dump_schema.py`; a test checks that both give the same database.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cift_function') THEN
        CREATE ROLE cift_function NOLOGIN NOINHERIT;
    END IF;
    EXECUTE format('GRANT cift_function TO %I', current_user);
END $$;
"""
_NOISE = re.compile(r"--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|CREATE SCHEMA public;|")
_BEGINS = re.compile(r"(CREATE|ALTER|COMMENT|GRANT|REVOKE) ")


def dump(url: str) -> str:
    """The normalised schema of the database at `url`, without the table schema_migrations."""
    command = [postgres_binary("pg_dump"), "--schema-only", "--no-owner", "-T", "schema_migrations", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    out: list[str] = []
    for line in text.splitlines():
        if not _NOISE.fullmatch(line):
            out += ["", line.rstrip()] if _BEGINS.match(line) else [line.rstrip()]
    return "\n".join(out) + "\n"


def _beside(url: str, name: str) -> str:
    """`url` with another database name. urllib would lose the empty host of a socket's URL."""
    return re.sub(r"^(\w+://[^/]*/)[^?]*", rf"\g<1>{name}", url)


async def with_database(url: str, use: Callable[[str], Awaitable[None]]) -> None:
    """Call `use` with the URL of a new, empty database on the server of `url`; then drop the database."""
    name = f"schema_{uuid4().hex}"
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        try:
            await use(_beside(url, name))
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


async def write(url: str) -> None:
    """Write schema.sql, using the server at `url`."""

    async def use(fresh: str) -> None:
        await migrate(fresh)
        SCHEMA.write_text(HEADER + dump(fresh))

    await with_database(url, use)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1] if len(sys.argv) > 1 else Settings.load().postgres_url))
