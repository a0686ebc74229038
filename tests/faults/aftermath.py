"""Invariants after the faults: of every answer, the ledger, the journal and the read model."""

import asyncio
import json
import os
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import asyncpg

from cift.platform.stores import Platform
from cift.projectors import PROJECTORS
from cift.rebuild import rebuild
from cift.run.servers import matchd_binary
from tests.faults.traders import OPEN, TRADING, Answer, Load, Order, Request
from tests.target import DEADLINE_S, Target, User

SETTLE_TIMEOUT_S = float(os.environ.get("CIFT_FAULT_SETTLE_S", "120"))
"""Limit until a change is visible. A cluster on a small machine needs more."""
CONCURRENT_MAX = 8
FIRST_CASH = Decimal(100_000)
REPEATED_MAX = 25
Item = TypeVar("Item")


async def _each(items: Sequence[Item], check: Callable[[Item], Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(CONCURRENT_MAX)

    async def one(item: Item) -> None:
        async with gate:
            await check(item)

    await asyncio.gather(*(one(item) for item in items))


async def _read(load: Load, request: Request, path: str, **query: str) -> Answer:
    """The answer to a GET. A 503 is retried until the deadline."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        answer = await load.get(request.user, path, **query)
        if answer.status not in (0, 503):
            return answer
        assert time.monotonic() < deadline, f"{path} is not answered within {SETTLE_TIMEOUT_S:g} s: {answer}"
        await asyncio.sleep(0.05)


async def _stored(load: Load, request: Request) -> list[dict[str, Any]]:
    """The orders that are stored under the request's key."""
    answer = await _read(load, request, f"{TRADING}/orders", client_order_id=request.key)
    assert answer.status == 200, answer
    items: list[dict[str, Any]] = answer.body["items"]
    return items


async def settle_doubts(load: Load) -> tuple[int, int]:
    """Send every doubtful request again with the same key and body, until its verdict is known.

    It returns the first result, or is applied now. Returns how many requests were doubtful, and how many of
    their orders existed already."""
    existed = 0
    doubtful = [request for request in load.requests if request.verdict == "doubtful"]

    async def settle(request: Request) -> None:
        nonlocal existed
        before = await _stored(load, request) if request.verb == "place" else []
        existed += len(before)
        assert len(before) <= 1, f"{len(before)} orders under one key: {request}"
        ids = {a.body["id"] for a in request.answers if a.status == 503 and a.body.get("id")}
        if len(request.answers) == 1 and ids and before:
            assert ids == {before[0]["id"]}, f"outcome_unknown named another id: {request} {before}"
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while request.verdict == "doubtful":
            assert time.monotonic() < deadline, f"still in doubt: {request}"
            await load.send(request)
            await asyncio.sleep(0)
        if request.verb != "place":
            return
        if request.verdict == "done":
            if before:
                assert request.done["id"] == before[0]["id"], f"placed twice: {request} {before}"
            load.remember(request)
        elif before:
            assert before[0]["status"] == "rejected", f"refused, but stored: {request} {before}"

    await _each(doubtful, settle)
    return len(doubtful), existed


async def writes_are_read(load: Load) -> None:
    """Each account places an order and reads it immediately. The answer is the order, or for a while a 503,
    but never a 404."""

    async def place_and_read(user: User) -> None:
        request = load.new_order(user, random.Random(load.seed + user.username))
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while request.verdict not in ("done", "refused") or not request.answers:
            await load.send(request)
            assert time.monotonic() < deadline, f"not placed within {SETTLE_TIMEOUT_S:g} s: {request}"
        if request.verdict == "done":
            order = load.remember(request)
            while (await load.read_back(order)).status != 200:
                assert time.monotonic() < deadline, f"not readable within {SETTLE_TIMEOUT_S:g} s: {request}"

    await _each(load.users, place_and_read)


async def answers_hold(load: Load) -> None:
    """Every acknowledged change is stored, and no refused one."""

    async def acknowledged(order: Order) -> None:
        answer = await _read(load, order.place, f"{TRADING}/orders/{order.id}")
        assert answer.status == 200, f"acknowledged and lost: {order.place} {order.id}: {answer}"
        view = answer.body
        assert view["client_order_id"] == order.place.key
        assert Decimal(view["filled_quantity"]) >= order.filled, f"fills were lost: {order} {view}"
        _replaced(order, view)
        _canceled(order, view)

    async def refused(request: Request) -> None:
        stored = await _stored(load, request)
        if request.verdict == "absent":
            assert not stored, f"reported as not done, but stored: {request} {stored}"
        else:  # an order is stored as rejected where its refusal lasts
            assert len(stored) <= 1, f"{request} {stored}"
            assert all(view["status"] == "rejected" for view in stored), f"{request} {stored}"
            assert all(Decimal(view["filled_quantity"]) == 0 for view in stored)

    await _each(load.orders, acknowledged)
    places = [request for request in load.requests if request.verb == "place"]
    assert {r.done["id"] for r in places if r.done} == {o.id for o in load.orders}
    await _each([r for r in places if r.verdict in ("refused", "absent")], refused)


def _canceled(order: Order, view: dict[str, Any]) -> None:
    if order.cancel is None:
        return
    match order.cancel.verdict:
        case "done":
            assert order.cancel.done["status"] == "canceled"
            assert view["status"] == "canceled", f"a cancel was lost: {order.cancel} {view}"
            assert view["filled_quantity"] == order.cancel.done["filled_quantity"], (
                "filled after it was cancelled"
            )
        case "refused":  # the order had ended before
            assert view["status"] not in OPEN, f"{order.cancel} {view}"
        case "absent":
            assert (view["status"], view["reason"]) != ("canceled", "by_user"), f"{order.cancel} {view}"


def _replaced(order: Order, view: dict[str, Any]) -> None:
    quantity = Decimal(order.place.done["quantity"])
    for request in order.replaces:  # in order: each was sent after the one before it was settled
        if request.verdict == "done":
            quantity = Decimal(request.done["quantity"])
    assert Decimal(view["quantity"]) == quantity, f"{[str(r) for r in order.replaces]} {view}"


async def repeats_give_the_first_result(load: Load) -> None:
    """Idempotency keys survive every crash: same body, first result; another body, 409.

    Refusals that depend on the state of account or market are not stored under the key (R4.4)."""
    settled = [r for r in load.requests if r.verb == "place" and r.verdict == "done"]
    step = max(1, len(settled) // REPEATED_MAX)

    async def sent(request: Request) -> Answer:
        """The answer. A 503 with Retry-After is retried until the deadline."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while (answer := await load.send(request)).status == 503 and answer.retry_after:
            assert time.monotonic() < deadline, f"not answered within {SETTLE_TIMEOUT_S:g} s: {request}"
            await asyncio.sleep(1)
        return answer

    async def repeat(request: Request) -> None:
        answer = await sent(request)  # `Load.send` compares it with the first
        assert answer.status == 201, f"{request}"
        assert request.body is not None
        other = Request(
            request.user, "place", request.key, "POST", request.path, {**request.body, "quantity": "11"}
        )
        answer = await sent(other)
        assert (answer.status, answer.code) == (409, "idempotency_conflict"), f"{other}: {answer}"

    await _each(settled[::step], repeat)


async def caught_up(target: Target, platform: Platform) -> None:
    """Wait until every projector has applied the journal's current last record."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    journal_id, last = await platform.nats.journal()
    while True:
        rows = await platform.database.fetch(
            "SELECT projector, sequence FROM projector_offsets WHERE journal_id = $1", journal_id
        )
        at = {row["projector"]: row["sequence"] for row in rows}
        if all(at.get(name, 0) >= last for name in PROJECTORS):
            return
        assert time.monotonic() < deadline, (
            f"the projectors stay behind record {last}: {at}\n" + target.log_tail()
        )
        await asyncio.sleep(0.05)


async def books_balance(target: Target, load: Load) -> None:
    """The ledger sums to zero. Orders agree with their fills, cash with its transactions, deposits with their
    answers. No key occurs twice."""
    connection = await asyncpg.connect(target.stores["postgres_url"], timeout=DEADLINE_S)
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    try:
        while True:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                # Orders and ledger are two projections: compare them at the same record.
                at = await connection.fetch(
                    "SELECT DISTINCT sequence FROM projector_offsets"
                    " WHERE projector IN ('project_orders', 'project_ledger')"
                )
                if len(at) == 1:
                    await _balance(connection, load)
                    return
            assert time.monotonic() < deadline, f"orders and ledger are never at the same record: {at}"
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def _balance(c: Any, load: Load) -> None:
    cash = await c.fetch(
        "SELECT currency, sum(cash) AS cash, count(*) AS lines FROM (SELECT currency, cash FROM accounts"
        " UNION ALL SELECT currency, cash FROM system_balances) all_cash GROUP BY currency"
    )
    assert cash and all(row["cash"] == 0 and row["lines"] > 3 for row in cash), (
        f"cash does not sum to zero: {cash}"
    )
    # A reset moves positions to a system account without a row.
    resets = await c.fetchval("SELECT count(*) FROM transactions WHERE kind = 'reset'")
    positions = await c.fetch(
        "SELECT symbol, sum(quantity) AS sum FROM positions WHERE symbol = $1 OR NOT $2 GROUP BY symbol",
        load.symbol,
        resets > 0,
    )
    assert positions and all(row["sum"] == 0 for row in positions), (
        f"positions do not sum to zero: {positions}"
    )
    assert await c.fetchval("SELECT sum(abs(quantity)) FROM positions WHERE symbol = $1", load.symbol) > 0
    must_be_none = {
        "two orders under one key": "SELECT account_id, client_order_id, count(*) FROM orders"
        " WHERE client_order_id IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1",
        "orders that disagree with their fills": "SELECT o.id, o.filled_quantity, sum(f.quantity)"
        " FROM orders o LEFT JOIN order_fills f ON f.order_id = o.id GROUP BY o.id"
        " HAVING o.filled_quantity <> coalesce(sum(f.quantity), 0)",
        "cash that disagrees with its transactions": "SELECT a.id, a.cash, sum(t.amount) FROM accounts a"
        " JOIN transactions t ON t.account_id = a.id GROUP BY a.id HAVING a.cash <> sum(t.amount)",
        "positions that disagree with their fills": "SELECT p.account_id, p.symbol, p.quantity"
        " FROM positions p JOIN accounts a ON a.id = p.account_id AND a.role = 'customer'"
        " LEFT JOIN order_fills f ON f.account_id = p.account_id AND f.symbol = p.symbol"
        " WHERE NOT EXISTS"
        " (SELECT FROM transactions t WHERE t.account_id = p.account_id AND t.kind = 'reset')"
        " GROUP BY p.account_id, p.symbol"
        " HAVING p.quantity <> coalesce(sum(CASE f.side WHEN 'buy' THEN f.quantity ELSE -f.quantity END), 0)",
    }
    for what, query in must_be_none.items():
        rows = await c.fetch(query)
        assert not rows, f"{what}: {rows[:5]}"
    for user in load.users:
        rows = await c.fetch(
            "SELECT amount, count(*) AS times FROM transactions WHERE account_id = $1 AND kind = 'deposit'"
            " GROUP BY amount",
            user.account_id,
        )
        deposits = {row["amount"]: row["times"] for row in rows}
        assert deposits.pop(FIRST_CASH) == 1
        sent = [r for r in load.requests if r.verb == "deposit" and r.user is user]
        wanted = {Decimal(r.body["amount"]): 1 for r in sent if r.body and r.verdict == "done"}
        assert deposits == wanted, (
            f"deposits: {set(deposits.items()) ^ set(wanted.items())}: {[str(r) for r in sent]}"
        )


async def journal_verifies(target: Target) -> dict[str, Any]:
    """`matchd verify` derives every event and state hash again and finds no difference."""
    process = await asyncio.create_subprocess_exec(
        matchd_binary(),
        "verify",
        "--json",
        env={**os.environ, "CIFT_NATS_URL": target.journal_url, "CIFT_SHARD": "main"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, f"the journal does not verify: {out.decode()} {err.decode()[-2000:]}"
    found: dict[str, Any] = json.loads(out)
    return found


async def read_model_equals_a_rebuild(platform: Platform) -> None:
    """Every table is the same after a rebuild from record 1."""
    for done in await rebuild(platform.settings):
        assert done.compared and not done.differing, f"{done.projector} differs after a rebuild: {done}"
        assert done.records > 0


async def check_invariants(target: Target, load: Load, *, existed_min: int = 0) -> str:
    """Run every check and return a line of figures.

    `existed_min`: how many of the doubtful orders must at least turn out to have been placed."""
    await writes_are_read(load)
    doubts, existed = await settle_doubts(load)
    assert not [r for r in load.requests if r.verdict == "doubtful"]
    await answers_hold(load)
    await repeats_give_the_first_result(load)
    platform = Platform(target.settings(nats_url=target.journal_url))
    try:
        await caught_up(target, platform)
        await books_balance(target, load)
        verified = await journal_verifies(target)
        await read_model_equals_a_rebuild(platform)
    finally:
        await platform.close()
    assert existed >= existed_min, f"{doubts} doubtful requests, of which only {existed} orders existed"
    assert not load.wrong, "\n".join(load.wrong[:20])
    verdicts = {v: sum(r.verdict == v for r in load.requests) for v in ("done", "refused", "absent")}
    records = verified.get("records") or verified.get("record")
    return (
        f"{len(load.requests)} changes requested ({verdicts['done']} done, {verdicts['refused']} refused,"
        f" {verdicts['absent']} definitely not done), {doubts} of them doubtful, then"
        f" settled ({existed} orders existed already);"
        f" {len(load.orders)} orders acknowledged, 0 lost; journal of {records} records verified"
    )
