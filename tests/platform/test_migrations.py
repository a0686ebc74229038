"""Migrations run once, in order, and must not change afterwards."""

from pathlib import Path

import asyncpg
import pytest

from cift.platform.migrate import FOLDER, MigrationError, migrate, read_migrations
from tests.stack import Stack


def write(folder: Path, **files: str) -> Path:
    for name, sql in files.items():
        (folder / f"{name}.sql").write_text(sql)
    return folder


@pytest.fixture
async def database(exchange: Stack) -> str:
    url = str(exchange.run_file["postgres_url"])
    owner = await asyncpg.connect(url)
    await owner.execute("DROP DATABASE IF EXISTS migrations_test")
    await owner.execute("CREATE DATABASE migrations_test")
    await owner.close()
    return url.replace("/cift?", "/migrations_test?")


async def test_each_migration_runs_once_and_in_order(database: str, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (x int)", "0002_b": "ALTER TABLE a ADD y int"})
    assert await migrate(database, tmp_path) == ["0001_a", "0002_b"]
    assert await migrate(database, tmp_path) == []
    write(tmp_path, **{"0003_c": "ALTER TABLE a ADD z int"})
    assert await migrate(database, tmp_path) == ["0003_c"]


async def test_a_failing_migration_is_rolled_back(database: str, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (x int); SELECT 1/0"})
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, tmp_path)
    write(tmp_path, **{"0001_a": "CREATE TABLE a (x int)"})
    assert await migrate(database, tmp_path) == ["0001_a"]


async def test_a_changed_migration_is_refused(database: str, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "CREATE TABLE a (x int)"})
    await migrate(database, tmp_path)
    write(tmp_path, **{"0001_a": "CREATE TABLE a (x bigint)"})
    with pytest.raises(MigrationError, match="changed after it ran"):
        await migrate(database, tmp_path)


async def test_a_database_of_a_later_release_is_refused(database: str, tmp_path: Path) -> None:
    write(tmp_path, **{"0001_a": "SELECT 1", "0002_b": "SELECT 2"})
    await migrate(database, tmp_path)
    (tmp_path / "0002_b.sql").unlink()
    with pytest.raises(MigrationError, match="later"):
        await migrate(database, tmp_path)


def test_gaps_duplicates_and_invalid_names_are_refused(tmp_path: Path) -> None:
    for files in ({"0002_b": ""}, {"0001_a": "", "0001_b": ""}, {"0001_a": "", "0003_c": ""}, {"1_a": ""}):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        write(folder, **files)
        with pytest.raises(MigrationError):
            read_migrations(folder)


def test_the_repository_s_migrations_are_valid() -> None:
    assert read_migrations(FOLDER)[0].name == "0001_identity"
