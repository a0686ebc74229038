"""The schema: schema.sql equals the sum of the migrations; row-level security and constraints work."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from cift.platform.migrate import migrate
from tests.venue import Venue, new_id

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import dump_schema

from tests.target import DEADLINE_S

OWNED = ("accounts", "orders", "order_fills", "positions", "position_history", "transactions")
RESEARCH = ("alerts", "model_configs", "backtests")
IDENTITY = ("users", "api_keys", "refresh_tokens", "revoked_tokens", "audit_log")


async def test_schema_sql_is_the_sum_of_the_migrations(venue: Venue) -> None:
    url = venue.exchange.stores["postgres_url"]
    dumps = {}

    async def migrated(fresh: str) -> None:
        await migrate(fresh)
        dumps["migrations"] = await asyncio.to_thread(dump_schema.dump, fresh)

    async def loaded(fresh: str) -> None:
        connection = await asyncpg.connect(fresh, timeout=DEADLINE_S)
        try:
            await connection.execute(dump_schema.SCHEMA.read_text())
        finally:
            await connection.close()
        dumps["schema.sql"] = await asyncio.to_thread(dump_schema.dump, fresh)

    await dump_schema.with_database(url, migrated)
    await dump_schema.with_database(url, loaded)
    assert dumps["schema.sql"] == dumps["migrations"], "run `python scripts/dump_schema.py`"
    assert dump_schema.SCHEMA.read_text() == dump_schema.HEADER + dumps["migrations"], (
        "run `python scripts/dump_schema.py`"
    )


async def test_the_tables_exist_with_comments_indexes_and_exact_money(venue: Venue) -> None:
    rows = await venue.platform.database.fetch(
        "SELECT c.relname, obj_description(c.oid) AS comment FROM pg_class c"
        " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
    )
    tables = {row["relname"]: row["comment"] for row in rows}
    market = ("market_data_cache", "trades", "instruments", "instrument_details")
    expected = {"projector_offsets", *market, *OWNED, *RESEARCH, *IDENTITY}
    assert expected <= set(tables)
    assert [name for name in expected - set(IDENTITY) if not tables[name]] == [], "every table has a comment"
    indexes = await venue.platform.database.fetchval(
        "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"
    )
    assert indexes >= 30
    money = await venue.platform.database.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND (data_type IN ('real', 'double precision', 'money')"
        "  OR (data_type = 'numeric' AND (numeric_precision, numeric_scale) <> (38, 9)))"
    )
    assert money == [], "money is NUMERIC(38,9)"


async def test_row_level_security_hides_other_accounts(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    await venue.order(one, symbol, side="sell")
    await venue.market(two, symbol, "buy", "5")
    database = venue.platform.database
    await database.caught_up(two.account_id, "project_orders", "project_ledger")
    for table in OWNED:
        column = "id" if table == "accounts" else "account_id"
        everything = await database.fetchval(f"SELECT count(DISTINCT {column}) FROM {table}")
        assert everything >= 2, f"{table} must have rows of several accounts for this test"
        async with database.read(one.account_id) as c:
            seen = await c.fetch(f"SELECT DISTINCT {column}::text AS account FROM {table}")
        assert [row["account"] for row in seen] == [one.account_id], table
        async with database.read() as c:  # without an account no row is visible
            assert await c.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    async with database.read(one.account_id) as c:
        seen = await c.fetch("SELECT DISTINCT account_id::text AS account FROM position_values")
        assert [row["account"] for row in seen] == [one.account_id]


@pytest.mark.parametrize("table", [*OWNED, "trades", "instruments", "market_data_cache", "projector_offsets"])
async def test_functions_cannot_write_the_read_model(venue: Venue, table: str) -> None:
    connection = await asyncpg.connect(venue.exchange.stores["postgres_url"], timeout=DEADLINE_S)
    try:
        await connection.execute("SET ROLE cift_function")
        await connection.execute(f"SELECT set_config('cift.account_id', '{new_id()}', false)")
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}", f"INSERT INTO {table} DEFAULT VALUES"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("table", IDENTITY)
async def test_functions_cannot_read_the_identity_tables(venue: Venue, table: str) -> None:
    async with venue.platform.database.read(new_id()) as c:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.execute(f"SELECT FROM {table}")


async def test_an_account_reads_and_writes_only_its_own_alerts(venue: Venue) -> None:
    one, two = venue.user(), venue.user()
    connection = await asyncpg.connect(venue.exchange.stores["postgres_url"], timeout=DEADLINE_S)
    insert = (
        "INSERT INTO alerts (id, user_id, account_id, symbol, condition, threshold)"
        " VALUES ($1, $2, $3, 'SPY', 'price_above', 500)"
    )
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SET LOCAL ROLE cift_function")
        await connection.execute(f"SET LOCAL cift.account_id = '{one.account_id}'")
        await connection.execute(insert, new_id(), one.user_id, one.account_id)
        assert await connection.fetchval("SELECT count(*) FROM alerts") == 1
        await connection.execute(f"SET LOCAL cift.account_id = '{two.account_id}'")
        assert await connection.fetchval("SELECT count(*) FROM alerts") == 0
        assert await connection.execute("UPDATE alerts SET threshold = 1") == "UPDATE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(insert, new_id(), one.user_id, one.account_id)
        await transaction.rollback()
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("filled_quantity = quantity + 1", "more is filled than ordered"),
        ("status = 'filled'", "status filled with an open quantity"),
        ("status = 'unknown'", "an unknown status"),
        ("quantity = -1", "a negative quantity"),
        ("limit_price = 0", "a price of zero"),
        ("sequence = sequence - 1", "a decreasing sequence"),
        ("side = 'sell'", "another side"),
        ("expire_at = created_at", "an expiry without gtd"),
    ],
)
async def test_an_invalid_change_of_an_order_is_refused(venue: Venue, change: str, what: str) -> None:
    symbol, user = await venue.instrument(), venue.user()
    order = await venue.order(user, symbol)
    await venue.get_order(user, order["id"])
    with pytest.raises(asyncpg.CheckViolationError):
        await venue.platform.database.execute(f"UPDATE orders SET {change} WHERE id = $1", order["id"])
    assert (await venue.get_order(user, order["id"])) == order, what


async def test_an_ended_order_stays_ended(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    order = await venue.order(user, symbol, time_in_force="ioc")
    assert (await venue.get_order(user, order["id"]))["status"] == "canceled"
    with pytest.raises(asyncpg.CheckViolationError):
        await venue.platform.database.execute("UPDATE orders SET status = 'new' WHERE id = $1", order["id"])


async def test_the_history_has_the_last_position_of_each_minute(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    await venue.order(one, symbol, side="sell", quantity="9")
    for quantity in ("2", "3"):
        await venue.market(two, symbol, "buy", quantity)
    position = await venue.get(two, f"positions/{symbol}")
    rows = await venue.platform.database.fetch(
        "SELECT minute, quantity, sequence FROM position_history WHERE account_id = $1 AND symbol = $2"
        " ORDER BY minute",
        two.account_id,
        symbol,
    )
    assert len(rows) in (1, 2)  # a new minute may have begun between the two
    assert (rows[-1]["quantity"], rows[-1]["sequence"]) == (5, position["sequence"])
    assert rows[-1]["minute"].second == 0
