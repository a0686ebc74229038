"""`make key ADMIN=1`: whoever has the data folder is the operator of its exchange."""

import subprocess
import sys

from tests.stack import ROOT, Stack
from tests.target import DEADLINE_S
from tests.venue import Venue, venue

__all__ = ["venue"]
ADMIN = "/api/v1/admin"


async def test_its_key_halts_and_resumes(exchange: Stack, venue: Venue) -> None:
    command = [sys.executable, "-m", "cift.run", "key", "--admin"]
    done = subprocess.run(  # noqa: ASYNC221
        command,
        cwd=ROOT,
        env={"CIFT_DATA": str(exchange.folder)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    symbol = await venue.instrument()
    headers = {"X-API-Key": done.stdout.strip()}
    halted = await venue.call(None, "POST", f"{ADMIN}/instruments/{symbol}/halt", None, headers)
    assert halted.status_code == 200, halted.text
    await venue.call(None, "POST", f"{ADMIN}/instruments/{symbol}/resume", None, headers)
