"""Event functions that run alone: relay's POSTs, with real stores and real records."""

import struct
from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest

from cift.platform.stores import Platform
from cift.projectors import PROJECTORS
from cift.run.servers import free_port
from tests.empty_database import empty_database
from tests.host.alone import alone
from tests.stack import Stack, User
from tests.target import DEADLINE_S

Records = list[tuple[int, bytes]]


def batch(records: Records, journal_id: str) -> tuple[dict[str, str], bytes]:
    """Headers and body as relay sends them."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": f"ORDERS/{journal_id}/{records[0][0]}-{records[-1][0]}",
        "ce-source": "/cift/streams/ORDERS",
        "ce-type": "markets.cift.batch",
        "ce-stream": "ORDERS",
        "ce-shard": "main",
        "ce-journalid": journal_id,
        "ce-first": str(records[0][0]),
        "ce-last": str(records[-1][0]),
        "ce-count": str(len(records)),
        "content-type": "application/vnd.cift.batch",
    }
    body = b"".join(struct.pack("<QqHII", n, 0, 6, 0, len(data)) + b"orders" + data for n, data in records)
    return headers, body


async def read_journal(platform: Platform) -> tuple[str, Records]:
    """The journal as it is now: its id, and all records."""
    journal_id, last = await platform.nats.journal()
    js = await platform.nats.jetstream()
    found = [await js.get_msg(platform.settings.journal_stream, n) for n in range(1, last + 1)]
    return journal_id, [(n, message.data or b"") for n, message in enumerate(found, 1)]


@pytest.fixture
async def pushed_database(exchange: Stack) -> AsyncIterator[str]:
    """The URL of an empty read model."""
    async with empty_database(exchange, "pushed_test") as url:
        yield url


async def test_posted_records_are_projected_once_and_like_pulled_ones(
    exchange: Stack, platform: Platform, new_user: Callable[[], User], pushed_database: str
) -> None:
    new_user()
    journal_id, records = await read_journal(platform)
    middle, last = len(records) // 2, len(records)
    pod = {"PORT": str(free_port()), "CIFT_POSTGRES_URL": pushed_database}
    with alone("trading.project_journal", exchange, **pod) as url:
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_S) as relay:

            async def post(some: Records) -> httpx.Response:
                headers, body = batch(some, journal_id)
                return await relay.post("/", headers=headers, content=body)

            early = await post(records[middle:])
            assert (early.status_code, early.json()["code"], early.json()["expected"]) == (409, "expected", 1)
            first = await post(records[:middle])
            assert (first.status_code, first.content) == (204, b"")
            assert first.headers["x-cift-origin"] == "trading.project_journal"
            again = await post(records[:middle])
            assert (again.status_code, again.json()["expected"]) == (409, middle + 1)
            overlapping = await post(records[middle - 1 :])
            assert overlapping.status_code == 204, (
                "records that were projected are skipped, the others are projected"
            )
            metrics = (await relay.get("/metrics")).text
            assert f'cift_projector_sequence{{function="trading.project_journal"}} {float(last)}' in metrics

            poison = await post([(last + 1, b"no record at all")])
            assert (poison.status_code, poison.json()["code"]) == (422, "poison")
            assert f"record {last + 1} of the journal cannot be read" in poison.json()["message"]
            torn = await relay.post("/", headers=batch(records[:1], journal_id)[0], content=b"\x01")
            assert (torn.status_code, torn.json()["code"]) == (400, "invalid_batch")
            assert (await relay.get("/")).status_code == 405
            assert (await relay.get("/nothing")).json()["code"] == "not_found"

    rows = "SELECT * FROM transactions WHERE sequence <= $1 ORDER BY sequence, entry"
    theirs = await asyncpg.connect(pushed_database)
    ours = await asyncpg.connect(str(exchange.run_file["postgres_url"]))
    try:
        at = await theirs.fetch("SELECT projector, journal_id, sequence FROM projector_offsets")
        assert {tuple(row) for row in at} == {(name, journal_id, last) for name in PROJECTORS}
        posted = await theirs.fetch(rows, last)
        assert posted and posted == await ours.fetch(rows, last)
    finally:
        await theirs.close()
        await ours.close()


async def test_a_timer_runs_when_a_due_time_is_posted(exchange: Stack) -> None:
    with alone("auth.expire_tokens", exchange, PORT=str(free_port())) as url:
        due = {"ce-type": "markets.cift.due", "ce-id": "auth.expire_tokens/2026-01-01T00:00:00Z"}
        async with httpx.AsyncClient(base_url=url, timeout=DEADLINE_S) as relay:
            assert (await relay.post("/", headers=due)).status_code == 204
            assert (await relay.post("/", headers=due)).status_code == 204
            wrong = await relay.post("/", headers={"ce-type": "markets.cift.batch"}, content=b"")
            assert (wrong.status_code, wrong.json()["code"]) == (400, "not_due")
            metrics = (await relay.get("/metrics")).text
        assert 'cift_requests_total{function="auth.expire_tokens",status="204"} 2.0' in metrics


def test_a_daemon_serves_probes(exchange: Stack) -> None:
    with alone("feeds.replay_market", exchange, PORT=str(free_port()), CIFT_MARKET="none") as url:
        assert httpx.get(f"{url}/health", timeout=DEADLINE_S).json() == {"status": "ok"}
        assert httpx.get(f"{url}/metrics", timeout=DEADLINE_S).status_code == 200
        assert httpx.post(url, timeout=DEADLINE_S).json()["code"] == "not_pushed"
