"""Rows and tables have the same columns, and the statements are derived from the rows."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from cift.contracts import messages_gen as messages
from cift.market_data import rows as market_data
from cift.platform import columns
from cift.platform.columns import BigInt, Money, Nanos, Text, Time, Uuid, Uuids
from cift.portfolio import rows as portfolio
from cift.trading import rows as trading

SCHEMA = Path(__file__).resolve().parents[2] / "database" / "postgres" / "schema.sql"
WHOLE_TABLES: list[tuple[str, type]] = [
    ("orders", trading.Order),
    ("order_fills", trading.Fill),
    ("order_replacements", trading.Replacement),
    ("positions", portfolio.Position),
    ("transactions", portfolio.Transaction),
    ("trades", market_data.Trade),
]
PARTS: list[tuple[str, type]] = [
    ("orders", trading.OrderUpdate),
    ("accounts", portfolio.Account),
    ("accounts", portfolio.AccountUpdate),
    ("accounts", portfolio.AccountLimits),
    ("instruments", market_data.Instrument),
    ("instruments", market_data.Halt),
    ("market_data_cache", market_data.LastPrice),
    ("market_data_cache", market_data.Quote),
]


def table(name: str) -> dict[str, str]:
    """Column and definition of a table in schema.sql."""
    found = re.search(rf"CREATE TABLE public\.{name} \((.*?)\n\);", SCHEMA.read_text(), re.DOTALL)
    assert found is not None
    lines = [line.strip().rstrip(",") for line in found[1].strip().splitlines()]
    return dict(line.split(" ", 1) for line in lines if not line.startswith("CONSTRAINT"))


@pytest.mark.parametrize(("name", "row"), WHOLE_TABLES)
def test_a_row_has_every_column_that_postgresql_does_not_generate(name: str, row: type) -> None:
    written = {column for column, kind in table(name).items() if "GENERATED ALWAYS" not in kind}
    assert {column.name for column in columns.columns_of(row)} == written


@pytest.mark.parametrize(("name", "row"), WHOLE_TABLES + PARTS)
def test_the_kind_of_a_column_fits_its_type(name: str, row: type) -> None:
    kinds = table(name)
    for column in columns.columns_of(row):
        expected = {
            columns.NANOS: "numeric",
            columns.MONEY: "numeric",
            columns.TEXT: "text",
            columns.BIGINT: "bigint",
        }.get(column.kind, "")
        assert kinds[column.name].startswith(expected), column.name


def test_every_term_of_an_order_is_in_the_event_and_in_the_command() -> None:
    keys = set(trading.TERM_KEYS)
    assert keys <= messages.OrderAccepted.__annotations__.keys()
    in_command = messages.PlaceOrder.__annotations__.keys() | {"parent", "status"}
    assert keys <= in_command
    copied = keys | {"type", "time_in_force", "trail"}
    assert copied == messages.OrderAccepted.__annotations__.keys(), "a term of the event reaches no column"


@dataclass(slots=True)
class Sample:
    id: Uuid
    ids: Uuids
    amount: Nanos
    total: Money | None
    at: Time
    note: Text | None = None
    not_a_column: int = 0


class SampleView(BaseModel):
    id: str
    amount: str
    total: str | None
    at: str
    twice: str


ROWS = [Sample("a", ["b", "c"], 1_500_000_000, 2**80, 0), Sample("d", [], 1, None, 10**9, "n")]


def test_an_insert_passes_one_array_a_column() -> None:
    statement = columns.insert("samples", Sample)
    assert statement.sql == (
        "INSERT INTO samples AS t (id, ids, amount, total, at, note)"
        " SELECT id, ids::uuid[], amount * 0.000000001, total::numeric * 0.000000001, journal_time(at), note"
        " FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[])"
        " AS u (id, ids, amount, total, at, note)"
    )
    elements = [column.elements(ROWS) for column in columns.columns_of(Sample)]
    assert elements == [
        ["a", "d"],
        ["{b,c}", "{}"],
        [1_500_000_000, 1],
        [str(2**80), None],
        [0, 10**9],
        [None, "n"],
    ]


def test_an_update_keeps_or_clears_what_is_none() -> None:
    @dataclass
    class Part:
        id: Uuid
        amount: Nanos | None
        sequence: BigInt

    keeps = columns.update("samples", Part, "id", none_keeps=True).sql
    assert "SET amount = coalesce(u.amount * 0.000000001, t.amount), sequence = u.sequence FROM" in keeps
    clears = columns.update("samples", Part, "id", none_keeps=False, sequence="t.sequence + {}").sql
    assert "SET amount = u.amount * 0.000000001, sequence = t.sequence + u.sequence FROM" in clears
    assert clears.endswith("WHERE t.id = u.id")


def test_an_upsert_replaces_all_but_the_key() -> None:
    sql = columns.upsert("samples", Sample, "id", keeps=("at", "ids"), total="t.total + excluded.total").sql
    assert sql.endswith(
        "ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, total = t.total + excluded.total,"
        " note = excluded.note"
    )


def test_a_view_is_built_from_a_row() -> None:
    view = columns.viewer_of_values(SampleView, Sample, twice=lambda row: str(row.amount * 2))
    assert view(ROWS[0]).model_dump() == {
        "id": "a",
        "amount": "1.5",
        "total": "1208925819614629.174706176",
        "at": "1970-01-01T00:00:00.000000Z",
        "twice": "3000000000",
    }
    assert view(ROWS[1]).total is None


def test_a_field_of_a_view_without_a_source_is_an_error() -> None:
    def build(view: Any) -> Any:
        return view(SampleView, Sample)

    for viewer in (columns.viewer_of_values, columns.viewer_of_columns):
        with pytest.raises(TypeError, match="SampleView: no source for twice"):
            build(viewer)
