"""An exchange whose journal is cut again and again: the real commands read archive and journal as one."""

import json
import shutil
from pathlib import Path

from tests.backup.test_drill import command, done, trade, venue_of
from tests.stack import Stack
from tests.target import until
from tests.venue import Venue

OFTEN = {"snapshot_records": "10", "cut_bytes": "1"}
"""A snapshot every ten records, and a cut after each."""


async def first_sequence(venue: Venue) -> int:
    js = await venue.platform.nats.jetstream()
    return int((await js.stream_info("ORDERS")).state.first_seq)


async def test_verify_and_rebuild_read_archive_and_journal_as_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Stack.start(folder, **OFTEN) as stack:
        async with venue_of(stack) as venue:
            symbol, buyer, seller = await venue.instrument(), venue.user(), venue.user()

            async def is_cut() -> bool:
                await trade(venue, buyer, seller, symbol, times=1)
                return await first_sequence(venue) > 30

            await until(is_cut, "the journal is cut")
            for user in (buyer, seller):
                await venue.platform.database.caught_up(user.account_id, "project_orders", "project_ledger")
            verified = json.loads(done(folder, "cift.cli", "verify", "--json").splitlines()[-1])
            assert verified["ok"] and verified["first_record"] == 1
            rebuilt = json.loads(done(folder, "cift.cli", "rebuild", "--yes", "--json"))
            assert rebuilt["equal"] and rebuilt["compared"] and rebuilt["orders"] > 0

            shutil.move(folder / "archive", tmp_path / "elsewhere")
            failed = command(folder, "cift.cli", "rebuild", "--yes", "--json")
            assert failed.returncode != 0
            assert "record 1 is missing from the journal" in failed.stdout + failed.stderr
            shutil.move(tmp_path / "elsewhere", folder / "archive")
    # The folder starts again, and trading goes on.
    with Stack.start(folder, **OFTEN) as stack:
        async with venue_of(stack) as venue:
            await trade(venue, venue.user(), venue.user(), await venue.instrument(), times=1)
        done(folder, "cift.cli", "verify", "--json")
