"""`make key ADMIN=1`: access to the data folder is enough to get an administrator's key."""

import subprocess
import sys

from tests.stack import ROOT, Stack
from tests.target import DEADLINE_S
from tests.venue import Venue, venue

__all__ = ["venue"]
ADMIN = "/api/v1/admin"


async def test_the_key_may_halt_and_resume(exchange: Stack, venue: Venue) -> None:
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
