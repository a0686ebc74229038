"""The engine client with a real matchd: coalescing, idempotency, refusals, timeouts."""

import asyncio
import signal
from pathlib import Path
from typing import Any, get_args

import pytest

from cift.contracts import messages_gen as messages
from cift.kernel.errors import CiftError, OutcomeUnknown, Refused, Unavailable
from cift.kernel.ids import uuid7
from cift.platform import engine as engine_client
from cift.platform import telemetry
from cift.platform.engine import Engine
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests.shapes import JSON, SENT
from tests.stack import Stack
from tests.target import DEADLINE_S

NANOS = 10**9


def open_account(account: str) -> messages.OpenAccount:
    return {"type": "open_account", "account": account, "kind": "cash", "role": "customer", "currency": "USD"}


def deposit(account: str, amount: int, key: str | None = None) -> messages.Deposit:
    return {
        "type": "deposit",
        "account": account,
        "transfer": uuid7(),
        "amount": amount,
        "idempotency_key": key,
    }


async def test_commands_are_applied_and_visible(platform: Platform) -> None:
    account, engine = uuid7(), platform.engine
    opened = await engine.submit(open_account(account))
    assert opened.record_sequence > 0 and not opened.repeated
    paid = await engine.submit(deposit(account, 5 * NANOS))
    assert paid.record_sequence > opened.record_sequence
    answer = await engine.query({"account": account})
    assert answer["account"]["cash"] in ("5", "5.00")
    assert await engine.account_sequence(account) == paid.record_sequence


async def test_the_same_key_is_applied_once(platform: Platform) -> None:
    account, engine = uuid7(), platform.engine
    await engine.submit(open_account(account))
    first = await engine.submit(deposit(account, NANOS, "k"))
    again = await engine.submit(deposit(account, NANOS, "k"))
    assert again.repeated and not first.repeated
    assert again.command_sequence == first.command_sequence
    with pytest.raises(Refused) as refused:
        await engine.submit(deposit(account, 2 * NANOS, "k"))
    assert (refused.value.code, refused.value.status) == ("idempotency_conflict", 409)
    assert (await engine.query({"account": account}))["account"]["cash"] in ("1", "1.00")


async def test_a_repeated_command_gets_the_same_refusal(platform: Platform) -> None:
    account, engine = uuid7(), platform.engine
    await engine.submit(open_account(account))
    command = {"type": "withdraw", "account": account, "transfer": uuid7(), "amount": NANOS}
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            await engine.submit(dict(command, idempotency_key="w"))
        assert refused.value.code == "insufficient_cash"


async def test_each_of_many_concurrent_commands_gets_its_own_result(platform: Platform) -> None:
    account, engine = uuid7(), platform.engine
    await engine.submit(open_account(account))
    requests = telemetry.engine_requests.labels("answered").value
    amounts = [n * NANOS if n % 3 else 0 for n in range(1, 301)]
    answers = await asyncio.gather(
        *(engine.submit(deposit(account, amount)) for amount in amounts), return_exceptions=True
    )
    for amount, answer in zip(amounts, answers, strict=True):
        if amount:
            assert not isinstance(answer, BaseException), answer
        else:
            assert isinstance(answer, Refused) and answer.code == "amount_out_of_range"
    sent = telemetry.engine_requests.labels("answered").value - requests
    assert sent <= 6, "300 concurrent commands need few requests"
    cash = (await engine.query({"account": account}))["account"]["cash"]
    assert int(float(cash)) == sum(amounts) // NANOS


async def test_a_command_that_cannot_be_encoded_does_not_affect_the_others(platform: Platform) -> None:
    account, engine = uuid7(), platform.engine
    await engine.submit(open_account(account))
    good, bad, good2 = await asyncio.gather(
        engine.submit(deposit(account, NANOS)),
        engine.submit({"type": "deposit", "account": "not a uuid", "transfer": uuid7(), "amount": 1}),
        engine.submit(deposit(account, NANOS)),
        return_exceptions=True,
    )
    assert not isinstance(good, BaseException) and not isinstance(good2, BaseException)
    assert isinstance(bad, Refused) and bad.code == "invalid_request"


async def test_queries_can_be_refused(platform: Platform) -> None:
    with pytest.raises(CiftError) as refused:
        await platform.engine.query({"account": uuid7()})
    assert (refused.value.code, refused.value.status) == ("unknown_account", 404)
    with pytest.raises(CiftError) as refused:
        await platform.engine.query({"quote": ["NOPE"]})
    assert (refused.value.code, refused.value.status) == ("unknown_symbol", 404)
    assert await platform.engine.account_sequence(uuid7()) == 0


async def tradable(engine: Engine, symbol: str) -> dict[str, Any]:
    """A new instrument, and a limit order of a funded account in it (without type and idempotency key)."""
    account = uuid7()
    await engine.submit(
        {
            "type": "define_instrument",
            "symbol": symbol,
            "currency": "USD",
            "tick": NANOS // 100,
            "lot": NANOS,
            "band_ppm": 100_000,
            "collar_ppm": 20_000,
        }
    )
    await engine.submit(open_account(account))
    await engine.submit(deposit(account, 1_000 * NANOS))
    return {
        "account": account,
        "order": uuid7(),
        "symbol": symbol,
        "side": "buy",
        "kind": "limit",
        "quantity": NANOS,
        "limit_price": NANOS,
    }


async def test_a_refusal_contains_the_id_of_the_refused_order(platform: Platform) -> None:
    """Where the refusal lasts and the request has a key: then the order is kept. Also when the request is
    repeated, and without the read model."""
    engine = platform.engine
    order = {"type": "place_order", **await tradable(engine, "REFUSED")}

    async def refused_id(code: str, **changed: Any) -> str | None:
        with pytest.raises(Refused) as refused:
            await engine.submit({**order, **changed})
        assert refused.value.code == code
        return refused.value.id

    first, second, third = uuid7(), uuid7(), uuid7()
    off_lot = {"quantity": NANOS // 2}
    assert await refused_id("quantity_not_on_lot", **off_lot) is None
    assert await refused_id("quantity_not_on_lot", **off_lot, order=first, idempotency_key="a") == first
    assert await refused_id("quantity_not_on_lot", **off_lot, order=second, idempotency_key="a") == first
    placed = await engine.submit({**order, "order": third, "idempotency_key": "b"})
    assert placed.order is not None and placed.order["order"] == third
    conflict = {"limit_price": 2 * NANOS, "order": uuid7(), "idempotency_key": "b"}
    assert await refused_id("idempotency_conflict", **conflict) == third
    assert await refused_id("duplicate_order_id", order=third) is None
    assert await refused_id("unknown_account", account=uuid7()) is None


async def test_every_answer_is_of_its_generated_type(platform: Platform) -> None:
    engine, symbol = platform.engine, "TYPED"
    order = await tradable(engine, symbol)
    account = order["account"]
    await engine.submit({"type": "place_order", **order})
    sized = {key: value for key, value in order.items() if key not in ("order", "quantity")}
    queries: list[tuple[dict[str, Any], Any, Any]] = [
        ({"account": account}, messages.AccountQuery, messages.AccountAnswer),
        ({"account_sequence": account}, messages.AccountSequenceQuery, messages.AccountSequenceAnswer),
        ({"order": order["order"]}, messages.OrderQuery, messages.OrderAnswer),
        ({"quote": [symbol]}, messages.QuoteQuery, messages.QuoteAnswer),
        ({"book": {"symbol": symbol, "depth": 5}}, messages.BookQuery, messages.BookAnswer),
        ({"instruments": {}}, messages.InstrumentsQuery, messages.InstrumentsAnswer),
        ({"feeds": {}}, messages.FeedsQuery, messages.FeedsAnswer),
        (
            {"check": {"type": "place_order", **order, "order": uuid7()}},
            messages.CheckQuery,
            messages.CheckAdmitted,
        ),
        (
            {"check": {"type": "place_order", **order, "quantity": 1}},
            messages.CheckQuery,
            messages.CheckRefused,
        ),
        ({"max_order_size": sized}, messages.MaxOrderSizeQuery, messages.MaxOrderSizeAnswer),
        ({"status": {}}, messages.StatusQuery, messages.StatusAnswer),
    ]
    assert {query for _, query, _ in queries} == set(get_args(messages.Query))
    for query, query_type, answer_type in queries:
        assert SENT.difference(query, query_type) is None
        assert JSON.difference(await engine.query(query), answer_type) is None


async def test_without_an_engine_a_command_is_unavailable(platform: Platform, exchange: object) -> None:
    other = Platform(Settings(nats_url=platform.settings.nats_url, shard="nobody"))
    with pytest.raises(Unavailable) as refused:
        await other.engine.submit(open_account(uuid7()))
    assert (refused.value.code, refused.value.retry_after) == ("engine_unavailable", 1)
    with pytest.raises(Unavailable):
        await other.engine.query({"status": {}})
    await other.close()


async def test_without_nats_a_command_is_unavailable() -> None:
    other = Platform(Settings(nats_url="nats://127.0.0.1:9"))
    with pytest.raises(Unavailable):
        await other.engine.submit(open_account(uuid7()))
    await other.close()


async def test_the_trace_of_a_request_is_in_the_journal(platform: Platform) -> None:
    from cift_core import wire

    account = uuid7()
    trace = telemetry.begin("tests.trace")
    result = await platform.engine.submit(open_account(account))
    js = await platform.nats.jetstream()
    message = await js.get_msg("ORDERS", result.record_sequence)
    entries = wire.decode_record(message.data)["entries"]
    (entry,) = [e for e in entries if e["command"].get("account") == account]
    assert entry["command"]["trace_id"] == trace.trace_id
    assert entry["command"]["span_id"] == trace.span_id


async def test_a_new_leader_ends_the_wait_for_the_lost_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        engine_client, "COMMAND_TIMEOUT_S", 600.0
    )  # only the new leader's announcement can end the wait
    with Stack.start(tmp_path / "data") as stack:
        platform = Platform(stack.settings())
        engine, account = platform.engine, uuid7()
        await engine.submit(open_account(account))
        old = stack.kill("matchd", signal.SIGSTOP)
        submitted = asyncio.create_task(engine.submit(deposit(account, NANOS)))
        while not engine._sent:
            await asyncio.sleep(0)
        for _ in range(2):  # a later response of NATS proves that the stopped leader has the command
            await (await platform.nats.client()).flush(DEADLINE_S)
        stack.kill("matchd")
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(OutcomeUnknown):
                await submitted
        await asyncio.to_thread(stack.restarted, "matchd", old)
        paid = await engine.submit(deposit(account, NANOS))
        assert paid.record_sequence > 0, "the same client uses the new leader"
        await platform.close()
