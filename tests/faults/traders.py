"""Traders: the load of the fault tests, with a record of every answer that is checked afterwards.

A `Request` is one change under one key (client_order_id or Idempotency-Key), which may be sent several times.
Its answers determine its `verdict`:

    done       a 2xx was received: the change was applied once, as the answer states
    refused    a 4xx of the engine was received: the change was not applied, and never will be under this key
    absent     only 503s with Retry-After were received: nothing was done
    doubtful   a connection was lost, or a 503 without Retry-After was received (outcome_unknown, or
               read_model_behind: applied, but not visible yet). The request must be sent again under its key

A later 503 with Retry-After refers to its own attempt only and does not settle an earlier doubt. Answers
that must never occur (500, 504, a 404 for an acknowledged order, a 503 without Retry-After, two answers
that contradict each other) are added to `Load.wrong` and fail the test at its end.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx

from tests.target import User

TRADING = "/api/v1/trading"
ANSWER_TIMEOUT_S = 70.0
CONNECT_TIMEOUT_S = 3.0
PACE_S = 0.02
LOST_PAUSE_S = 0.1
RESENDS_MAX = 2
RESEND_PAUSE_S = 0.15
CODES = frozenset(
    {"outcome_unknown", "read_model_behind", "engine_unavailable", "database_unavailable", "queue_full"}
)
"""Codes of the 503s that may occur on one machine."""
GATEWAY: dict[str, Any] = {"codes": CODES | {"unavailable"}, "answer_timeout_s": 70.0}
"""Behind a gateway a function may not answer in time, and a function at zero starts first."""
OPEN = ("held", "pending", "new", "partially_filled")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. Status 0: the connection was lost."""

    status: int
    body: Any
    at: float
    retry_after: bool = False

    @property
    def code(self) -> str:
        return "" if self.status < 400 else str(self.body["code"])


@dataclass(slots=True)
class Request:
    """One change under one key, and every answer to it."""

    user: User
    verb: str
    key: str
    method: str
    path: str
    body: dict[str, Any] | None
    answers: list[Answer] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.done is not None:
            return "done"
        if any(400 <= answer.status < 500 for answer in self.answers):
            return "refused"
        if all(answer.status == 503 and answer.retry_after for answer in self.answers):
            return "absent"
        return "doubtful"

    @property
    def done(self) -> Any:
        """Body of the first 2xx answer."""
        return next((answer.body for answer in self.answers if 200 <= answer.status < 300), None)

    def __str__(self) -> str:
        answers = ", ".join(f"{a.status} {a.code}".strip() for a in self.answers)
        return f"{self.verb} {self.key} [{answers}]"


@dataclass(slots=True)
class Order:
    """An acknowledged order, with its acknowledged changes."""

    place: Request
    id: str
    filled: Decimal
    quantity: Decimal
    cancel: Request | None = None
    replaces: list[Request] = field(default_factory=list)


class Load:
    """Traders on several accounts, which run until `stop`."""

    def __init__(
        self,
        url: str,
        users: Iterable[User],
        symbol: str,
        price: Decimal,
        *,
        name: str,
        seed: str,
        tasks: int,
        resend_chance: float = 0.5,
        only_orders: bool = False,
        steady: int = 0,
        pace_s: float = PACE_S,
        codes: frozenset[str] = CODES,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self.users = list(users)
        self.symbol, self.price, self.name, self.seed, self.tasks = symbol, price, name, seed, tasks
        self._steady, self._pace_s = steady, pace_s
        """Number of tasks that only place orders, so that no other answer delays their next order."""
        self._weights = (1, 0, 0, 0, 0) if only_orders else (60, 12, 12, 8, 8)
        self._codes, self._answer_timeout_s = codes, answer_timeout_s
        self._resend_chance = resend_chance
        """Probability that a trader sends a doubtful request again. Otherwise `settle_doubts` does it."""
        self.http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(answer_timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=tasks + 8),
        )
        self.requests: list[Request] = []
        self.orders: list[Order] = []
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.placed_at: list[float] = []
        """Monotonic times of acknowledged orders; `read_at` of answered reads."""
        self.read_at: list[float] = []
        self.lost_at = 0.0
        self._stopped = asyncio.Event()
        self._running: list[asyncio.Task[None]] = []
        self._number = 0

    async def __aenter__(self) -> "Load":
        for number in range(self.tasks):
            rng = random.Random(f"{self.seed}:{number}")
            user = self.users[number % len(self.users)]
            work = self._place_steadily if number < self._steady else self._trade
            self._running.append(asyncio.create_task(work(user, rng)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.http.aclose()

    async def stop(self) -> None:
        """Let every trader finish its current request. Raises the errors of traders."""
        self._stopped.set()
        running, self._running = self._running, []
        await asyncio.gather(*running)

    def request(
        self, user: User, verb: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> Request:
        """A new request with its own key, added to `requests`."""
        self._number += 1
        key = f"{self.name}-{self._number}"
        if verb == "place":
            assert body is not None
            body = {**body, "client_order_id": key}
        made = Request(user, verb, key, method, path, body)
        self.requests.append(made)
        return made

    async def send(self, request: Request) -> Answer:
        """Send the request and record the answer."""
        headers = request.user.key
        if request.verb != "place":
            headers = {**headers, "Idempotency-Key": request.key}
        answer = await self._call(request.method, request.path, request.body, headers, str(request))
        request.answers.append(answer)
        self.counts[f"{request.verb} {answer.status} {answer.code}".strip()] += 1
        statuses = {a.status // 100 for a in request.answers} & {2, 4}
        if len(statuses) == 2:
            self.wrong.append(f"done and refused under one key: {request}")
        if request.verb == "place" and answer.status == 201:
            self.placed_at.append(answer.at)
            first = request.done
            for name in ("id", "status", "filled_quantity", "quantity", "created_at"):
                if answer.body[name] != first[name]:
                    self.wrong.append(
                        f"{name} differs from the first answer: {request} {first} {answer.body}"
                    )
        return answer

    async def get(self, user: User, path: str, **query: str) -> Answer:
        """Send a GET. It may fail with 503, but must not return wrong data."""
        answer = await self._call("GET", path, None, user.key, f"GET {path} {query}", query)
        self.counts[f"read {answer.status} {answer.code}".strip()] += 1
        if answer.status == 200:
            self.read_at.append(answer.at)
        return answer

    async def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
        what: str,
        query: dict[str, str] | None = None,
    ) -> Answer:
        try:
            got = await self.http.request(method, path, json=body, headers=headers, params=query)
        except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
            self.wrong.append(f"no answer within {self._answer_timeout_s:g} s: {what}")
            return Answer(0, None, time.monotonic())
        except httpx.TransportError:  # includes a connect timeout: the pod of the address is gone
            self.lost_at = time.monotonic()
            return Answer(0, None, time.monotonic())
        retry_after = got.headers.get("retry-after", "").isdigit()
        try:
            body = got.json()
        except ValueError:
            received = f"{got.status_code} {dict(got.headers)} {got.text[:200]!r}"
            self.wrong.append(f"an answer that is not JSON: {what}: {received}")
            return Answer(0, None, time.monotonic())
        answer = Answer(got.status_code, body, time.monotonic(), retry_after)
        if answer.status >= 400 and not {"code", "message", "request_id"} <= set(answer.body):
            self.wrong.append(f"an error without code, message, request_id: {what}: {answer}")
        if answer.status in (401, 403) or (
            answer.status >= 500 and (answer.status != 503 or answer.code not in self._codes)
        ):
            self.wrong.append(f"an answer that must not occur: {what}: {answer}")
        elif answer.status == 503:
            # Retry-After on a change means that nothing was done. Without it, a retry needs the same key.
            must = method == "GET" or answer.code not in ("outcome_unknown", "read_model_behind")
            if (must and not retry_after) or (answer.code == "outcome_unknown" and retry_after):
                self.wrong.append(f"503 {answer.code} and Retry-After={retry_after}: {what}")
        return answer

    async def _trade(self, user: User, rng: random.Random) -> None:
        mine: list[Order] = []
        while not self._stopped.is_set():
            match rng.choices(("place", "cancel", "replace", "deposit", "read"), self._weights)[0]:
                case "place":
                    order = await self._place(user, rng)
                    if order is not None and order.place.done["status"] in OPEN:
                        mine.append(order)
                case "cancel" if mine:
                    await self._cancel(mine.pop(rng.randrange(len(mine))), rng)
                case "replace" if mine:
                    order = mine.pop(rng.randrange(len(mine)))
                    if await self._replace(order, rng):
                        mine.append(order)
                case "deposit":
                    await self._deposit(user, rng)
                case "read" if mine:
                    await self.read_back(rng.choice(mine))
            await self._pause(rng)

    async def _place_steadily(self, user: User, rng: random.Random) -> None:
        while not self._stopped.is_set():
            request = self.new_order(user, rng)
            if await self._send_until_settled(request, rng) == "done":
                self.remember(request)
            await self._pause(rng)

    async def _pause(self, rng: random.Random) -> None:
        if self.lost_at > time.monotonic() - LOST_PAUSE_S:
            await asyncio.sleep(LOST_PAUSE_S)  # no server: do not spin
        await asyncio.sleep(rng.uniform(0, self._pace_s))

    def new_order(self, user: User, rng: random.Random) -> Request:
        """A limit order near the price (some cross, some rest), sometimes a market order, or one that must be
        refused."""
        body: dict[str, Any] = {
            "symbol": self.symbol,
            "side": rng.choice(("buy", "sell")),
            "type": "limit",
            "time_in_force": "gtc",
            "quantity": str(rng.randint(1, 10)),
            "limit_price": str((self.price * (1000 + rng.randint(-15, 15)) / 1000).quantize(Decimal("0.01"))),
        }
        chance = rng.random()
        if chance < 0.1:
            body |= {"type": "market", "time_in_force": "ioc"}
            del body["limit_price"]
        elif chance < 0.15:
            body["quantity"] = "9000000"  # beyond the buying power of every user
        return self.request(user, "place", "POST", f"{TRADING}/orders", body)

    async def _send_until_settled(self, request: Request, rng: random.Random) -> str:
        """Send the request, sometimes again while it is doubtful. Returns the verdict."""
        await self.send(request)
        for _ in range(RESENDS_MAX):
            if request.verdict in ("done", "refused") or rng.random() >= self._resend_chance:
                break
            await asyncio.sleep(RESEND_PAUSE_S)
            await self.send(request)
        return request.verdict

    def remember(self, place: Request) -> Order:
        """Record an acknowledged order."""
        view = place.done
        order = Order(place, view["id"], Decimal(view["filled_quantity"]), Decimal(view["quantity"]))
        self.orders.append(order)
        return order

    async def _place(self, user: User, rng: random.Random) -> Order | None:
        request = self.new_order(user, rng)
        if await self._send_until_settled(request, rng) != "done":
            return None
        order = self.remember(request)
        if rng.random() < 0.3:
            await self.read_back(order)
        return order

    async def read_back(self, order: Order) -> Answer:
        """Read an acknowledged order. The answer is the order, or a 503 if it cannot be shown now."""
        answer = await self.get(order.place.user, f"{TRADING}/orders/{order.id}")
        if answer.status == 200:
            if Decimal(answer.body["filled_quantity"]) < order.filled:
                self.wrong.append(f"stale: {order.filled} filled were acknowledged: {answer.body}")
            order.filled = max(order.filled, Decimal(answer.body["filled_quantity"]))
        elif answer.status not in (0, 503):
            self.wrong.append(f"an acknowledged order is not shown: {order.place} {order.id}: {answer}")
        return answer

    async def _cancel(self, order: Order, rng: random.Random) -> None:
        order.cancel = self.request(order.place.user, "cancel", "DELETE", f"{TRADING}/orders/{order.id}")
        await self._send_until_settled(order.cancel, rng)

    async def _replace(self, order: Order, rng: random.Random) -> bool:
        """Replace the order. Returns whether the outcome is known."""
        quantity = order.quantity + rng.choice((-1, 1, 2)) if order.quantity > 1 else order.quantity + 1
        request = self.request(
            order.place.user, "replace", "PATCH", f"{TRADING}/orders/{order.id}", {"quantity": str(quantity)}
        )
        order.replaces.append(request)
        verdict = await self._send_until_settled(request, rng)
        if verdict == "done":
            order.quantity = Decimal(request.done["quantity"])
        return verdict != "doubtful"

    async def _deposit(self, user: User, rng: random.Random) -> None:
        cents = 100 + self._number  # a unique amount, which identifies the deposit in the ledger
        request = self.request(
            user,
            "deposit",
            "POST",
            f"{TRADING}/account/deposit",
            {"amount": f"{cents // 100}.{cents % 100:02d}"},
        )
        await self._send_until_settled(request, rng)
