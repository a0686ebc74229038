"""A journal record that cannot be decoded stops its projector.

All records before it are projected. It is not skipped, and the log names the record and the reason."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from nats.js.api import StreamConfig

from cift.host.delivery import handler
from cift.host.loading import load_function
from cift.platform.migrate import migrate
from cift.platform.nats import JOURNAL_ID
from cift.platform.stores import Platform
from cift.projectors import PROJECTORS
from cift.run.servers import free_port
from tests.host.alone import alone
from tests.relay.process import relay
from tests.stack import Stack, eventually

FUNCTION = "trading.project_journal"
STREAM, SUBJECT = "ORDERS_poisoned", "orders.poisoned"


@pytest.fixture
async def poisoned(exchange: Stack, platform: Platform) -> AsyncIterator[int]:
    """A copy of the journal with an invalid record followed by a valid one. Yields the invalid one's
    sequence."""
    exchange.new_user()
    _, last = await platform.nats.journal()
    js = await platform.nats.jetstream()
    await js.add_stream(StreamConfig(name=STREAM, subjects=[SUBJECT], metadata={JOURNAL_ID: "poisoned"}))
    records = [(await js.get_msg("ORDERS", n)).data or b"" for n in range(1, last + 1)]
    for data in (*records, b"not a record", records[-1]):
        await js.publish(SUBJECT, data)
    yield last + 1
    await js.delete_stream(STREAM)


@pytest.fixture
async def database(exchange: Stack) -> AsyncIterator[str]:
    """The URL of an empty read model."""
    url = str(exchange.run_file["postgres_url"])
    owner = await asyncpg.connect(url)
    await owner.execute("DROP DATABASE IF EXISTS poisoned_test WITH (FORCE)")
    await owner.execute("CREATE DATABASE poisoned_test")
    empty = url.replace("/cift?", "/poisoned_test?")
    await migrate(empty)
    yield empty
    await owner.execute("DROP DATABASE poisoned_test WITH (FORCE)")
    await owner.close()


async def test_an_invalid_record_stops_its_projector(
    exchange: Stack, poisoned: int, database: str, tmp_path: Path
) -> None:
    port = free_port()
    delivered = handler(load_function(FUNCTION), f"http://127.0.0.1:{port}/") | {"stream": STREAM}
    with alone(FUNCTION, exchange, PORT=str(port), CIFT_POSTGRES_URL=database):
        with relay(exchange, [delivered], tmp_path) as running:
            running.wait_for(FUNCTION, "relay_stopped", 1)
            metrics = running.metrics(FUNCTION)
            assert (metrics["relay_alarm"], metrics["relay_sequence"]) == (1, poisoned - 1)
            eventually(
                lambda: running.metrics(FUNCTION)["relay_lag_messages"] == 2, "two records are not projected"
            )
            assert running.metrics(FUNCTION)["relay_poison_total"] == 0
            error = f"message {poisoned} of {STREAM}: record {poisoned} of the journal cannot be read"
            assert running.log.count(error) == 1, running.log
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("SELECT sequence FROM projector_offsets")
        assert [row["sequence"] for row in rows] == [poisoned - 1] * len(PROJECTORS)
    finally:
        await connection.close()
