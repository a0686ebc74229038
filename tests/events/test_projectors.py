"""Projectors: redelivery changes nothing, a gap makes them go back, another journal stops them, and a rebuild
from the journal's first record gives the same rows."""

from typing import Any

import httpx
import pytest
from cift_core import wire

from cift import rebuild as rebuilding
from cift.kernel.errors import Expected, Poison
from cift.platform.journal import Batch, JournalRecord
from cift.platform.read_model import SLICE_BYTES_MAX, OtherJournal, slices
from cift.projectors import PROJECTORS
from functions.trading.project_journal import project_journal
from tests.stack import Stack, eventually
from tests.target import DEADLINE_S, until
from tests.venue import Venue

TABLES = [table for module in PROJECTORS.values() for table in module.TABLES]


async def _busy(venue: Venue) -> None:
    """Commands of every kind that changes rows."""
    async with venue.fees(200, 500):
        symbol, one, two = await venue.instrument(), venue.user(), venue.user()
        for number in range(4):
            await venue.order(one, symbol, side="sell", quantity="7", limit_price=f"{100 + number}.05")
        await venue.market(two, symbol, "buy", "17")
        await venue.try_order(two, symbol, limit_price="1")
        await venue.try_order(two, symbol, quantity="1000000")
        await venue.order(
            two,
            symbol,
            order_class="bracket",
            take_profit={"limit_price": "104"},
            stop_loss={"stop_price": "96"},
        )
        await venue.order(one, symbol, side="sell")
        await venue.print(symbol, "95")
        await venue.order(one, symbol, type="trailing_stop", trail_percent="2", limit_price=None, side="sell")
        await venue.print(symbol, "97")
        await venue.command(type="set_account_state", account=one.account_id, state="reduce_only")
        await venue.command(
            type="set_limits",
            account=two.account_id,
            limits={
                "max_order_quantity": 10**12,
                "max_order_notional": None,
                "max_position": None,
                "max_open_orders": 50,
                "max_orders_per_second": 100,
                "max_daily_loss": 10**15,
                "leverage_percent": 150,
            },
        )
        resting = await venue.order(two, symbol, quantity="5", limit_price="90")
        for change in ({"limit_price": "90.50"}, {"quantity": "4"}):
            changed = await venue.call(two, "PATCH", f"/api/v1/trading/orders/{resting['id']}", change)
            assert changed.status_code == 200, changed.text
        await venue.command(type="split", symbol=symbol, numerator=3, denominator=2)
        await venue.command(type="dividend", symbol=symbol, amount=123_456_789)
    for user in (one, two):
        await venue.platform.database.caught_up(user.account_id, *PROJECTORS)
    # Wait for the end of the journal too: `caught_up` does not wait for records that change no account.
    journal_id, last = await venue.platform.nats.journal()

    async def is_projected() -> bool:
        done: int = await venue.platform.database.fetchval(
            "SELECT min(sequence) FROM projector_offsets WHERE journal_id = $1", journal_id
        )
        return done >= last

    await until(is_projected, "the projectors reach the journal's end")


async def _sums(venue: Venue) -> dict[str, Any]:
    return {
        table: tuple(
            await venue.platform.database.fetchrow(
                f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {table} t"
            )
            or ()
        )
        for table in TABLES
    }


async def _records(venue: Venue, first: int, last: int) -> list[JournalRecord]:
    js = await venue.platform.nats.jetstream()
    found = []
    for sequence in range(first, last + 1):
        message = await js.get_msg("ORDERS", sequence)
        found.append(JournalRecord(sequence, message.data or b""))
    return found


async def test_rebuild_is_equal_and_leaves_the_exchange_working(venue: Venue) -> None:
    await _busy(venue)
    details = await venue.platform.database.fetch("SELECT * FROM instrument_details ORDER BY symbol")
    before = await _sums(venue)
    assert all(count for count, _ in before.values()), f"every table has rows to compare: {before}"
    steps: list[tuple[str, int, int]] = []
    rebuilt = await rebuilding.rebuild(
        venue.exchange.settings(), lambda name, done, total: steps.append((name, done, total))
    )
    assert {each.projector for each in rebuilt} == set(PROJECTORS)
    for each in rebuilt:
        assert each.compared and each.differing == (), each
        assert (each.projector, each.records, each.records) in steps
    assert await _sums(venue) == before
    kept = await venue.platform.database.fetch("SELECT * FROM instrument_details ORDER BY symbol")
    assert kept == details and details, "a rebuild does not change tables that are not of the journal"
    summary = rebuilding.summary(rebuilt)
    assert summary["equal"] and summary["orders"] == before["orders"][0]
    # The running projectors continue.
    symbol, user = await venue.instrument(), venue.user()
    order = await venue.order(user, symbol)
    assert await venue.get_order(user, order["id"]) == order


async def test_rebuild_finds_rows_that_were_changed_by_hand(venue: Venue) -> None:
    user, symbol = venue.user(), await venue.instrument()
    order = await venue.order(user, symbol)
    await venue.platform.database.caught_up(user.account_id, "project_orders")
    await venue.platform.database.execute(
        "UPDATE orders SET client_order_id = 'forged' WHERE id = $1", order["id"]
    )
    (rebuilt,) = await rebuilding.rebuild(venue.exchange.settings(), only=("project_orders",))
    assert rebuilt.differing == ("orders",)
    assert (await venue.get_order(user, order["id"]))["client_order_id"] is None


async def test_redelivery_changes_nothing(venue: Venue) -> None:
    await _busy(venue)
    before = await _sums(venue)
    journal_id, last = await venue.platform.nats.journal()
    batch = Batch("ORDERS", "main", journal_id, await _records(venue, max(1, last - 20), last))
    with pytest.raises(Expected) as expected:
        await project_journal(batch, venue.platform.database)
    assert expected.value.sequence == last + 1
    assert await _sums(venue) == before


async def test_a_gap_makes_the_projector_go_back(venue: Venue) -> None:
    journal_id, last = await venue.platform.nats.journal()
    (record,) = await _records(venue, last, last)
    ahead = JournalRecord(last + 5, record.data)
    before = await _sums(venue)
    with pytest.raises(Expected) as expected:
        await project_journal(Batch("ORDERS", "main", journal_id, [ahead]), venue.platform.database)
    assert expected.value.sequence <= last + 1
    assert await _sums(venue) == before


async def test_another_journal_stops_the_projector(venue: Venue) -> None:
    (record,) = await _records(venue, 1, 1)
    before = await _sums(venue)
    with pytest.raises(OtherJournal, match="cift rebuild"):
        await project_journal(Batch("ORDERS", "main", "another", [record]), venue.platform.database)
    assert await _sums(venue) == before
    count = await venue.platform.database.fetchval(
        "SELECT count(*) FROM projector_offsets WHERE journal_id = 'another'"
    )
    assert count == 0


async def test_poison_stops_the_projector_and_nothing_is_skipped(venue: Venue) -> None:
    """A record that cannot be decoded changes neither offset nor rows."""
    journal_id, last = await venue.platform.nats.journal()
    before = await _sums(venue)
    poison = JournalRecord(last + 1, b"\x00" * 64)
    with pytest.raises(Poison, match=f"record {last + 1} of the journal cannot be read"):
        await project_journal(Batch("ORDERS", "main", journal_id, [poison]), venue.platform.database)
    assert await _sums(venue) == before


async def test_rows_lost_in_a_crash_of_postgresql_are_written_again(venue: Venue, exchange: Stack) -> None:
    """Commits of projectors do not wait for the disk: records that a crash loses are projected again."""
    symbol, user = await venue.instrument(), venue.user()
    ids = [(await venue.order(user, symbol, quantity="1"))["id"] for _ in range(5)]
    old = exchange.kill("postgres")
    exchange.restarted("postgres", old)
    exchange.wait_ready()

    def all_there() -> bool:
        answer = httpx.get(
            f"{venue.exchange.url}/api/v1/trading/orders", headers=user.key, timeout=DEADLINE_S
        )
        return answer.status_code == 200 and {o["id"] for o in answer.json()["items"]} == set(ids)

    assert eventually(all_there, "all orders are in the read model")


async def test_slices_contain_all_records_in_order(venue: Venue) -> None:
    most = SLICE_BYTES_MAX
    sizes = [10, most + most // 2, 1, 1, most - most // 4, most // 2]
    records = [JournalRecord(n, bytes(size)) for n, size in enumerate(sizes, 1)]
    cut = list(slices(records))
    assert [r.sequence for piece in cut for r in piece] == [1, 2, 3, 4, 5, 6]
    assert [len(piece) for piece in cut] == [1, 1, 3, 1]


def test_bytes_that_are_not_a_record_are_poison() -> None:
    with pytest.raises(ValueError):
        wire.decode_record(b"nonsense")
