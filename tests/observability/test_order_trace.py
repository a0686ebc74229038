"""One order's trace, from the caller's `traceparent` to PostgreSQL and the streams."""

import asyncio
import secrets
from itertools import pairwise

import httpx

from cift.platform.journal import JournalRecord
from tests.observability.collector import Collector, Span
from tests.streams.client import Client
from tests.venue import TRADING, Venue

SERVER, CLIENT, CONSUMER = 2, 3, 5
ENGINE = ("receive", "risk", "match", "append", "ack")
ORDER = (
    "trading.place_order",
    "submit place_order",
    "engine place_order",
    *ENGINE,
    "publish update",
    "deliver to streams",
    "deliver trading.project_journal",
    "trading.project_journal",
    "postgresql write",
)


def context(flags: str = "01") -> tuple[str, str, str]:
    """Trace id, span id and `traceparent` of a caller."""
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    return trace_id, span_id, f"00-{trace_id}-{span_id}-{flags}"


async def limit_order(venue: Venue, symbol: str, traceparent: str, **changed: str) -> httpx.Response:
    order = {
        "symbol": symbol,
        "side": "buy",
        "type": "limit",
        "time_in_force": "gtc",
        "quantity": "1",
        "limit_price": "99",
        **changed,
    }
    headers = {"traceparent": traceparent, **venue.user().key}
    return await venue.http.post(f"{TRADING}/orders", json=order, headers=headers)


async def test_an_order_is_traced_from_its_caller_to_the_database_and_the_streams(
    traced: Venue, collector: Collector
) -> None:
    symbol = await traced.instrument()
    trace_id, caller, traceparent = context()
    async with await Client.open(traced.exchange.url) as client:
        await client.subscribe(symbol, channels=["book"])
        placed = await limit_order(traced, symbol, traceparent)
        assert placed.status_code == 201, placed.text
        await client.until("book", snapshot=False)
        spans = collector.trace(trace_id, *ORDER)
    order = placed.json()["id"]

    def parent(name: str) -> str:
        return next(span.name for span in spans.values() if span.span_id == spans[name].parent_id)

    assert spans["trading.place_order"].parent_id == caller
    assert parent("submit place_order") == "trading.place_order"
    assert parent("engine place_order") == "submit place_order"
    assert {parent(name) for name in ENGINE} == {"engine place_order"}
    assert parent("publish update") == "append" and parent("deliver to streams") == "publish update"
    assert parent("deliver trading.project_journal") == "append"
    assert parent("trading.project_journal") == "deliver trading.project_journal"
    assert parent("postgresql write") == "trading.project_journal"
    by_order = {span.name for span in collector.spans if span.attributes.get("cift.order_id") == order}
    assert by_order == {"submit place_order", "engine place_order"}, "the order's id finds its trace"
    services = {name: spans[name].service for name in ORDER}
    assert services["engine place_order"] == services["append"] == services["publish update"] == "matchd"
    assert services["deliver trading.project_journal"] == "relay"
    assert services["trading.place_order"] == services["deliver to streams"] == "functions"
    kinds = [spans[name].kind for name in ("engine place_order", "submit place_order", "deliver to streams")]
    assert kinds == [SERVER, CLIENT, CONSUMER]
    in_order = [spans[name] for name in ENGINE]
    assert all(one.ended_ns <= next_.started_ns for one, next_ in pairwise(in_order))
    assert not any(span.error for span in spans.values())


async def test_a_refused_order_names_its_reason(traced: Venue, collector: Collector) -> None:
    symbol = await traced.instrument()
    trace_id, _, traceparent = context()
    refused = await limit_order(traced, symbol, traceparent, quantity="1000000")
    assert refused.status_code == 422, refused.text
    spans = collector.trace(
        trace_id, "trading.place_order", "submit place_order", "engine place_order", "risk"
    )
    assert "match" not in spans, "it was not matched"
    assert spans["engine place_order"].error and spans["engine place_order"].error == spans["risk"].error
    assert spans["submit place_order"].error.startswith("Refused")
    assert not spans["trading.place_order"].error, "the caller's mistake is not the function's failure"


async def test_without_the_callers_flag_nothing_is_exported(traced: Venue, collector: Collector) -> None:
    symbol = await traced.instrument()
    untraced, _, without_flag = context("00")
    trace_id, _, traceparent = context()
    placed = await limit_order(traced, symbol, without_flag)
    assert placed.status_code == 201, placed.text
    assert placed.headers["traceparent"].endswith("-00")
    assert (await limit_order(traced, symbol, traceparent)).status_code == 201
    collector.trace(trace_id, "trading.place_order", "trading.project_journal")
    assert not [span for span in collector.spans if span.trace_id == untraced]


async def test_the_trace_context_is_beside_the_record_and_not_in_it(
    traced: Venue,
) -> None:
    symbol = await traced.instrument()
    journal = await traced.platform.nats.jetstream()
    sizes = []
    for flags in ("00", "01"):
        trace_id, _, traceparent = context(flags)
        placed = await limit_order(traced, symbol, traceparent)
        assert placed.status_code == 201, placed.text
        _, at = await traced.platform.nats.journal()
        while True:
            message = await journal.get_msg("ORDERS", at)
            record = JournalRecord(at, message.data or b"")
            if any(entry["command"].get("trace_id") == trace_id for entry in record.entries):
                break
            at -= 1
        assert len(record.entries) == 1
        assert ("traceparent" in (message.headers or {})) == (flags == "01")
        sizes.append(len(record.data))
    # Ids are random, so packed records differ by a few bytes; a context would add 55.
    assert abs(sizes[0] - sizes[1]) < 30


async def test_each_order_of_a_shared_batch_has_the_projector_in_its_trace(
    traced: Venue, collector: Collector
) -> None:
    symbol = await traced.instrument()
    contexts = [context() for _ in range(4)]
    user = traced.user()
    commands = [
        {"symbol": symbol, "side": "buy", "type": "limit", "time_in_force": "gtc", "quantity": "1"}
        | {"limit_price": "99"}
        for _ in contexts
    ]
    responses = await asyncio.gather(
        *(
            traced.http.post(f"{TRADING}/orders", json=order, headers={"traceparent": given, **user.key})
            for order, (_, _, given) in zip(commands, contexts, strict=True)
        )
    )
    assert [response.status_code for response in responses] == [201] * 4
    for trace_id, _, _ in contexts:
        spans: dict[str, Span] = collector.trace(trace_id, "append", "trading.project_journal")
        consumer = spans["trading.project_journal"]
        assert not consumer.links or consumer.links[0] in {trace for trace, _, _ in contexts}
