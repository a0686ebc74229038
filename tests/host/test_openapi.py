"""All operations behave as /openapi.json documents, with and without credentials.

schemathesis makes valid and invalid requests; CIFT_SCHEMA_EXAMPLES sets their number per operation."""

import os
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cift.auth import managed
from cift.platform.stores import Platform
from tests.alpaca.clients import run
from tests.stack import Stack
from tests.venue import Venue, venue

__all__ = ["venue"]
EXAMPLES = os.environ.get("CIFT_SCHEMA_EXAMPLES")
PHASES = "examples,fuzzing,stateful" + (",coverage" if EXAMPLES else "")
"""The phase `coverage` sends each documented value and limit: 6,000 requests, however few examples."""
SCRIPT = str(Path(__file__).with_name("openapi_requests.py"))
TIMEOUT_S = 300.0 + 30.0 * int(EXAMPLES or 0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def administrator(platform: Platform) -> str:
    """An administrator's key."""
    return await managed.create_admin_key("schemas", platform.database, platform.settings)


@pytest.mark.parametrize("credentials", ["with", "without"])
async def test_operations_behave_as_documented(
    credentials: str, exchange: Stack, venue: Venue, administrator: str
) -> None:
    anonymous = credentials == "without"
    edited = venue.user()
    found: dict[str, dict[str, Any]] = run(
        "mcp_server",
        SCRIPT,
        timeout_s=TIMEOUT_S,
        URL=exchange.url,
        ADMIN_KEY=administrator,
        ANONYMOUS="1" if anonymous else "",
        SYMBOL=await venue.instrument(),
        OTHER=await venue.instrument(),
        ACCOUNT=edited.account_id,
        USER=edited.username,
        PHASES="examples,fuzzing" if anonymous else PHASES,
        EXAMPLES=EXAMPLES or "2",
    )
    for part, document in found.items():
        assert not document["failures"], f"{part}:\n{document['failures']}"
        assert document["complete"], part
        assert document["operations"]["tested"] == document["operations"]["selected"] > 55
        assert document["requests"] > document["operations"]["selected"]
        if not anonymous:  # refusals alone would show no schema of a response
            assert document["succeeded"] > 40, f"{part}: only {document['succeeded']} operations succeeded"
