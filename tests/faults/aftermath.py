"""What must be true afterwards: of every answer, of the ledger, of the journal, of the read model."""

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
from cift.rebuild import PROJECTORS, rebuild
from cift.run.servers import matchd_binary
from tests.faults.traders import OPEN, TRADING, Answer, Load, Order, Request
from tests.target import Target, User

SETTLE_TIMEOUT_S = float(os.environ.get("CIFT_FAULT_SETTLE_S", "40"))
"""Until what was asked is shown; a cluster on a small machine needs more."""
AT_ONCE = 8
FIRST_CASH = Decimal(100_000)
REPEATED_MAX = 25
Thing = TypeVar("Thing")


async def _each(things: Sequence[Thing], check: Callable[[Thing], Awaitable[None]]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(thing: Thing) -> None:
        async with gate:
            await check(thing)

    await asyncio.gather(*(one(thing) for thing in things))


async def _read(load: Load, request: Request, path: str, **query: str) -> Answer:
    """An answer to a question; 503 is asked again, until the deadline."""
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    while True:
        answer = await load.get(request.user, path, **query)
        if answer.status not in (0, 503):
            return answer
        assert time.monotonic() < deadline, f"{path} is not shown within {SETTLE_TIMEOUT_S:g} s: {answer}"
        await asyncio.sleep(0.05)


async def _kept(load: Load, request: Request) -> list[dict[str, Any]]:
    """The orders that are kept under the request's key."""
    answer = await _read(load, request, f"{TRADING}/orders", client_order_id=request.key)
    assert answer.status == 200, answer
    items: list[dict[str, Any]] = answer.body["items"]
    return items


# ── the doubtful ────────────────────────────────────────────────────────────────────────────────
async def settle_doubts(load: Load) -> tuple[int, int]:
    """Send every doubtful request again with the same key and body: it gives the first result, or is done
    now, once. Returns how many there were, and how many of the orders among them stood already."""
    stood = 0
    doubtful = [request for request in load.requests if request.verdict == "doubtful"]

    async def settle(request: Request) -> None:
        nonlocal stood
        before = await _kept(load, request) if request.verb == "place" else []
        stood += len(before)
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
            assert before[0]["status"] == "rejected", f"refused, but it stands: {request} {before}"

    await _each(doubtful, settle)
    return len(doubtful), stood


# ── read your writes ────────────────────────────────────────────────────────────────────────────
async def writes_are_read(load: Load) -> None:
    """Each account places an order and reads it at once: it is there, or a 503 says that it cannot be shown
    (for a while). It is never not there."""

    async def place_and_read(user: User) -> None:
        request = load.new_order(user, random.Random(load.seed + user.username))
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while request.verdict not in ("done", "refused") or not request.answers:
            await load.send(request)
            assert time.monotonic() < deadline, f"not placed within {SETTLE_TIMEOUT_S:g} s: {request}"
        if request.verdict == "done":
            order = load.remember(request)
            while (await load.read_back(order)).status != 200:
                assert time.monotonic() < deadline, f"not shown within {SETTLE_TIMEOUT_S:g} s: {request}"

    await _each(load.users, place_and_read)


# ── every answer ────────────────────────────────────────────────────────────────────────────────
async def answers_hold(load: Load) -> None:
    """Whatever was acknowledged is there; whatever was refused is not."""

    async def acknowledged(order: Order) -> None:
        answer = await _read(load, order.place, f"{TRADING}/orders/{order.id}")
        assert answer.status == 200, f"acknowledged and lost: {order.place} {order.id}: {answer}"
        view = answer.body
        assert view["client_order_id"] == order.place.key
        assert Decimal(view["filled_quantity"]) >= order.filled, f"fills were lost: {order} {view}"
        _replaced(order, view)
        _canceled(order, view)

    async def refused(request: Request) -> None:
        kept = await _kept(load, request)
        if request.verdict == "absent":
            assert not kept, f"nothing was done, it said: {request} {kept}"
        else:  # the engine's refusals are kept, as such
            assert len(kept) <= 1 and all(view["status"] == "rejected" for view in kept), f"{request} {kept}"
            assert all(Decimal(view["filled_quantity"]) == 0 for view in kept)

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
            assert view["filled_quantity"] == order.cancel.done["filled_quantity"], "filled after its cancel"
        case "refused":  # it had ended by itself
            assert view["status"] not in OPEN, f"{order.cancel} {view}"
        case "absent":
            assert (view["status"], view["reason"]) != ("canceled", "by_user"), f"{order.cancel} {view}"


def _replaced(order: Order, view: dict[str, Any]) -> None:
    quantity = Decimal(order.place.done["quantity"])
    for request in order.replaces:  # in their order: the next was sent when the last was settled
        if request.verdict == "done":
            quantity = Decimal(request.done["quantity"])
    assert Decimal(view["quantity"]) == quantity, f"{[str(r) for r in order.replaces]} {view}"


async def repeats_give_the_first_result(load: Load) -> None:
    """Keys are remembered through every crash: same body, first result; another body, 409."""
    settled = [r for r in load.requests if r.verb == "place" and r.verdict in ("done", "refused")]
    step = max(1, len(settled) // REPEATED_MAX)

    async def sent(request: Request) -> Answer:
        """Its answer; 503 with Retry-After did nothing, and is sent again until the deadline."""
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while (answer := await load.send(request)).status == 503 and answer.retry_after:
            assert time.monotonic() < deadline, f"not answered within {SETTLE_TIMEOUT_S:g} s: {request}"
            await asyncio.sleep(1)
        return answer

    async def repeat(request: Request) -> None:
        first = request.verdict
        answer = await sent(request)  # which compares it with the first
        assert answer.status in ((201,) if first == "done" else range(400, 500)), f"{request}"
        assert request.body is not None
        other = Request(
            request.user, "place", request.key, "POST", request.path, {**request.body, "quantity": "11"}
        )
        answer = await sent(other)
        assert (answer.status, answer.code) == (409, "idempotency_conflict"), f"{other}: {answer}"

    await _each(settled[::step], repeat)


# ── the stores ──────────────────────────────────────────────────────────────────────────────────
async def caught_up(target: Target, platform: Platform) -> None:
    """Until every projector has passed what the journal holds now."""
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
            f"the projectors stay behind record {last}: {at}\n" + target.told()
        )
        await asyncio.sleep(0.05)


async def books_balance(target: Target, load: Load) -> None:
    """The ledger sums to zero, orders agree with their fills, cash with its movements, deposits with their
    answers; no key is there twice."""
    connection = await asyncpg.connect(target.stores["postgres_url"], timeout=10)
    deadline = time.monotonic() + SETTLE_TIMEOUT_S
    try:
        while True:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                # Orders and ledger are two projections: compared where both stand at one record.
                at = await connection.fetch(
                    "SELECT DISTINCT sequence FROM projector_offsets"
                    " WHERE projector IN ('project_orders', 'project_ledger')"
                )
                if len(at) == 1:
                    await _balance(connection, load)
                    return
            assert time.monotonic() < deadline, f"orders and ledger never meet: {at}"
            await asyncio.sleep(0.01)
    finally:
        await connection.close()


async def _balance(c: Any, load: Load) -> None:
    cash = await c.fetch(
        "SELECT currency, sum(cash) AS cash, count(*) AS lines FROM (SELECT currency, cash FROM accounts"
        " UNION ALL SELECT currency, cash FROM system_balances) all_cash GROUP BY currency"
    )
    assert cash and all(row["cash"] == 0 and row["lines"] > 3 for row in cash), f"cash from nowhere: {cash}"
    # A reset moves positions to the world, which has no row.
    resets = await c.fetchval("SELECT count(*) FROM transactions WHERE kind = 'reset'")
    positions = await c.fetch(
        "SELECT symbol, sum(quantity) AS sum FROM positions WHERE symbol = $1 OR NOT $2 GROUP BY symbol",
        load.symbol,
        resets > 0,
    )
    assert positions and all(row["sum"] == 0 for row in positions), f"shares from nowhere: {positions}"
    assert await c.fetchval("SELECT sum(abs(quantity)) FROM positions WHERE symbol = $1", load.symbol) > 0
    must_be_none = {
        "two orders under one key": "SELECT account_id, client_order_id, count(*) FROM orders"
        " WHERE client_order_id IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1",
        "orders that disagree with their fills": "SELECT o.id, o.filled_quantity, sum(f.quantity)"
        " FROM orders o LEFT JOIN order_fills f ON f.order_id = o.id GROUP BY o.id"
        " HAVING o.filled_quantity <> coalesce(sum(f.quantity), 0)",
        "cash that disagrees with its movements": "SELECT a.id, a.cash, sum(t.amount) FROM accounts a"
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
        there = {row["amount"]: row["times"] for row in rows}
        assert there.pop(FIRST_CASH) == 1
        asked = [r for r in load.requests if r.verb == "deposit" and r.user is user]
        wanted = {Decimal(r.body["amount"]): 1 for r in asked if r.body and r.verdict == "done"}
        assert there == wanted, (
            f"deposits: {set(there.items()) ^ set(wanted.items())}: {[str(r) for r in asked]}"
        )


async def journal_verifies(target: Target) -> dict[str, Any]:
    """`matchd verify` derives every event and state hash again."""
    process = await asyncio.create_subprocess_exec(
        matchd_binary(),
        "verify",
        "--json",
        env={**os.environ, "CIFT_NATS_URL": target.journal_url, "CIFT_SHARD": "main"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, f"the journal does not verify: {out.decode()} {err.decode()[-2000:]}"
    found: dict[str, Any] = json.loads(out)
    return found


async def read_model_is_what_a_rebuild_gives(platform: Platform) -> None:
    """Every table, built again from record 1, is as it was."""
    for done in await rebuild(platform.settings):
        assert done.compared and not done.differing, f"{done.projector} differs after a rebuild: {done}"
        assert done.records > 0


async def all_is_well(target: Target, load: Load, *, stood_min: int = 0) -> str:
    """Every check; returns a line of figures. `stood_min`: how many of the orders in doubt must turn out to
    stand, where a test sees to it that there are some."""
    await writes_are_read(load)
    doubts, stood = await settle_doubts(load)
    assert not [r for r in load.requests if r.verdict == "doubtful"]
    await answers_hold(load)
    await repeats_give_the_first_result(load)
    platform = Platform(target.settings(nats_url=target.journal_url))
    try:
        await caught_up(target, platform)
        await books_balance(target, load)
        verified = await journal_verifies(target)
        await read_model_is_what_a_rebuild_gives(platform)
    finally:
        await platform.close()
    assert stood >= stood_min, f"{doubts} in doubt, of which only {stood} orders stood"
    assert not load.wrong, "\n".join(load.wrong[:20])
    verdicts = {v: sum(r.verdict == v for r in load.requests) for v in ("done", "refused", "absent")}
    records = verified.get("records") or verified.get("record")
    return (
        f"{len(load.requests)} changes asked ({verdicts['done']} done, {verdicts['refused']} refused,"
        f" {verdicts['absent']} definitely not taken), {doubts} of them in doubt, then"
        f" settled ({stood} orders stood already);"
        f" {len(load.orders)} orders acknowledged, 0 lost; journal of {records} records verified"
    )
