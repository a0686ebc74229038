"""Runs the agents: queries the market for them, sends their commands, keeps them funded.

Every agent is an ordinary account, opened by a command, under all rules of the exchange. Account ids are
derived from seed and name, so a restart uses the same accounts. Order ids are new each time. Orders of a
stopped driver expire by themselves: every resting order is good till a time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cift.feeds import agents
from cift.feeds.exchange import RETRY_S, Exchange, open_session, send
from cift.feeds.monotonic import Monotonic
from cift.feeds.settings import MarketSettings
from cift.feeds.timeline import PRICE_NANOS_PER_TICK, QUANTITY_NANOS_PER_SHARE
from cift.kernel.errors import CiftError
from cift.kernel.ids import uuid5, uuid7
from cift.kernel.money import NANOS, parse_nanos
from cift.platform import telemetry

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

ACCOUNTS = "9f0c3f0e-6b1d-5d57-8f0a-6c1a4b0d2e11"
"""Namespace of the agents' account ids."""
FUNDS_NANOS = 10_000_000 * NANOS
FUNDING_CHECK_S = 60.0
"""How often the agents' equity is checked; below half of `FUNDS_NANOS` it is filled up."""

log = logging.getLogger("cift.feeds.agents")

Prepare = Callable[[], Awaitable[None]]


def account_of(seed: int, agent: str) -> str:
    """The account id of one agent."""
    return uuid5(ACCOUNTS, f"{seed}/{agent}")


class AgentDriver:
    """`prepare` sends the facts that trading needs (instruments)."""

    def __init__(
        self, engine: Exchange, symbols: Iterable[str], settings: MarketSettings, prepare: Prepare
    ) -> None:
        self._engine = engine
        self._symbols = list(symbols)
        self._settings = settings
        self._prepare = prepare
        self._session = Monotonic(lambda: time.time_ns() // 1_000_000_000)
        self._funded_s = 0.0
        self.sent = 0
        self.refused: dict[str, int] = {}

    async def run(self) -> None:
        """Run until cancelled."""
        telemetry.current.set(None)  # the commands belong to no request
        trading_agents: agents.Agents | None = None
        while True:
            started_s = time.monotonic()
            try:
                if trading_agents is None:
                    trading_agents = await self._start()
                if not await self._step(trading_agents):
                    trading_agents = None
            except ConnectionError:
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(max(0.0, agents.STEP_S - (time.monotonic() - started_s)))

    async def _start(self) -> agents.Agents:
        await self._prepare()
        await self._open_session()
        states = await self._states()
        rate = max(1, int(self._settings.agents_rate * agents.STEP_S))
        trading_agents = agents.Agents(self._settings.seed, states, rate)
        opened = await send(
            self._engine,
            [
                {
                    "type": "open_account",
                    "account": account_of(self._settings.seed, agent.name),
                    "kind": "margin",
                    "role": "customer",
                    "currency": "USD",
                }
                for agent in trading_agents.agents
            ],
        )
        if not opened.reached:
            raise ConnectionError("engine not reached")
        await self._fund(trading_agents)
        log.info("agents: trading", extra={"agents": len(trading_agents.agents), "seed": self._settings.seed})
        return trading_agents

    async def _step(self, trading_agents: agents.Agents) -> bool:
        """One step; False when the engine does not know the agents (a new journal)."""
        states = await self._states()
        due = trading_agents.due()
        holdings = dict(
            zip(
                (agent.name for agent in due),
                await asyncio.gather(*(self._holding(agent) for agent in due)),
                strict=True,
            )
        )
        for shock in trading_agents.shocks:
            log.info(
                f"agents: news on {shock.symbol}, its value changes by {100 * shock.change:+.1f} %",
                extra={"symbol": shock.symbol, "change": round(shock.change, 4)},
            )
        intents = trading_agents.act(due, states, holdings)
        sent = await send(self._engine, [self._command(intent) for intent in intents])
        self.sent += sent.accepted
        for code, count in sent.refusals.items():
            self.refused[code] = self.refused.get(code, 0) + count
        if not sent.reached:
            raise ConnectionError("engine not reached")
        if "market_closed" in sent.refusals:
            await self._open_session()
        if "unknown_account" in sent.refusals or "unknown_symbol" in sent.refusals:
            log.warning(
                "agents: the engine does not know an account or a symbol; setting up again",
                extra={"refusals": sent.refusals},
            )
            await self._prepare()
            self._funded_s = 0.0
        if time.monotonic() - self._funded_s > FUNDING_CHECK_S:
            await self._fund(trading_agents)
        return True

    def _command(self, intent: agents.Intent) -> messages.CancelAll | messages.PlaceOrder:
        account = account_of(self._settings.seed, intent.agent)
        if isinstance(intent, agents.CancelAll):
            return {"type": "cancel_all", "account": account, "symbol": intent.symbol}
        immediate = intent.rest_s == 0
        expires_ns = time.time_ns() + intent.rest_s * 1_000_000_000
        return {
            "type": "place_order",
            "account": account,
            "order": uuid7(),
            "symbol": intent.symbol,
            "side": intent.side,
            "kind": "market" if intent.limit is None else "limit",
            "time_in_force": "ioc" if immediate else ("gtd", expires_ns),
            "quantity": intent.shares * QUANTITY_NANOS_PER_SHARE,
            "limit_price": None if intent.limit is None else intent.limit * PRICE_NANOS_PER_TICK,
            "self_trade_prevention": "cancel_newest",
        }

    async def _states(self) -> dict[str, agents.MarketState]:
        with _engine_reached():
            response = await self._engine.query({"quote": self._symbols})
        return {each["symbol"]: _state(each) for each in response["quotes"]}

    async def _holding(self, agent: agents.Agent) -> int:
        """Signed shares; 0 if the engine does not know the account (yet)."""
        try:
            with _engine_reached():
                account = account_of(self._settings.seed, agent.name)
                response = await self._engine.query({"account": account})
        except CiftError:
            return 0
        for position in response["positions"]:
            if position["symbol"] == agent.symbol:
                return parse_nanos(position["quantity"], "quantity", signed=True) // QUANTITY_NANOS_PER_SHARE
        return 0

    async def _fund(self, trading_agents: agents.Agents) -> None:
        """Fill up the accounts with less than half of their funds: agents lose money to better traders."""
        deposits: list[messages.Deposit] = []
        for agent in trading_agents.agents:
            account = account_of(self._settings.seed, agent.name)
            with _engine_reached():
                response = await self._engine.query({"account": account})
            equity = parse_nanos(response["account"]["equity"], "equity", signed=True)
            if equity < FUNDS_NANOS // 2:
                deposits.append(
                    {
                        "type": "deposit",
                        "account": account,
                        "transfer": uuid7(),
                        "amount": FUNDS_NANOS - equity,
                    }
                )
        sent = await send(self._engine, deposits)
        if not sent.reached:
            raise ConnectionError("engine not reached")
        self._funded_s = time.monotonic()

    async def _open_session(self) -> None:
        """Open a session without an end."""
        await open_session(self._engine, self._session, lambda: None)


@contextmanager
def _engine_reached() -> Iterator[None]:
    """Raises ConnectionError where the engine does not respond."""
    try:
        yield
    except CiftError as problem:
        if problem.status == 503:
            raise ConnectionError("engine not reached") from problem
        raise


def _state(quote: messages.Quote) -> agents.MarketState:
    return agents.MarketState(
        bid=_ticks(quote["bid"]),
        ask=_ticks(quote["ask"]),
        last=_ticks(quote["last"]),
        halted=bool(quote["halted"]),
    )


def _ticks(price: str | None) -> int | None:
    return None if price is None else parse_nanos(price, "price") // PRICE_NANOS_PER_TICK
