"""Seeded trading accounts that make a market with each other. Pure: the same seed and market states give
the same intents.

Per symbol there are three kinds. Market makers quote around a hidden value, skewed by their holding.
Noise traders cross the spread or rest near it, in either direction, and tend back to a flat position. A
momentum trader follows a move and closes its position when the move reverses. Agents interact only
through the book.

A step is `STEP_S` of the agents' own time. The driver calls `due()` for the agents that act now, queries
their holdings, and passes them with the market state to `act()`. Every random number comes from an
agent's own generator, and is drawn in the order of the agents, independently of the market state. So one
more or one fewer query of the market does not change which agent acts when.

The first trade needs no reference price: until a symbol has traded, all agents send limit orders.

The value is a random walk with the volatility of a stock (`DAILY_VOLATILITY` over a session) that reverts
to its anchor with a half-life of half an hour, in ticks of 0.01. About every
`SHOCK_EVERY_S` a shock moves both. The maker's quote is centred at value −
skew × holding (the reservation price of Avellaneda and Stoikov, "High-frequency trading in a limit order
book", 2008, with their terms combined into one constant).

Limits: each account holds at most `INVENTORY_LIMIT` shares and then only reduces; all agents together
send at most `commands_per_step`, and an agent beyond it waits for the next step.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

STEP_S = 0.25
DAILY_VOLATILITY = 0.015
SESSION_S = 23_400
HALF_LIFE_S = 1_800.0

MAKERS, NOISE_TRADERS, MOMENTUM_TRADERS = 2, 3, 1
"""Number of agents of each kind per symbol."""
INVENTORY_LIMIT = 5_000
MAKER_LEVELS = 3
MAKER_REST_S = 30
"""A maker's orders expire after this time unless renewed, so that a market without its driver becomes
empty."""
NOISE_REST_S = 20
MOMENTUM_STEPS = 40
NOISE_SIZES = (1, 10, 25, 50, 100, 100, 100, 200, 300)

OPENING_TICKS: Mapping[str, int] = {
    "AAPL": 48_656,
    "AIG": 4_905,
    "AMZN": 31_530,
    "BAC": 1_391,
    "GE": 2_410,
    "IBM": 18_190,
    "JPM": 5_210,
    "KO": 3_735,
    "MSFT": 3_365,
    "QQQ": 7_880,
    "SPY": 16_742,
    "XOM": 8_620,
}
"""Initial value of a symbol that has never traded: about the prices of the sample's day."""

SHOCK_EVERY_S = 900.0
"""Mean time between two shocks of a symbol: its value jumps, as after news."""
SHOCK_MIN, SHOCK_MAX = 0.01, 0.03
"""Size of a shock, as a part of the value."""

Kind = Literal["maker", "noise", "momentum"]


@dataclass(frozen=True)
class MarketState:
    """The public state of one symbol. Prices in ticks; None: no order on that side, or no trade yet."""

    bid: int | None = None
    ask: int | None = None
    last: int | None = None
    halted: bool = False


@dataclass(frozen=True)
class Place:
    """Place an order. `limit` in ticks, None: market order; `rest_s` 0: immediate or cancel."""

    agent: str
    symbol: str
    side: Literal["buy", "sell"]
    shares: int
    limit: int | None
    rest_s: int


@dataclass(frozen=True)
class CancelAll:
    """Cancel all orders of the agent."""

    agent: str
    symbol: str


Intent = Place | CancelAll


@dataclass(frozen=True)
class Shock:
    """The value of a symbol has jumped by this part of it, as after news."""

    symbol: str
    change: float


@dataclass
class Agent:
    name: str
    symbol: str
    kind: Kind
    random: random.Random
    next_step: int
    quoted: tuple[int, int, int] | None = None
    """Of a maker: bid and ask of its first level, and the step of the quote."""


@dataclass
class _Value:
    anchor: float
    now: float
    shocks: random.Random
    random: random.Random
    seen: deque[int] = field(default_factory=lambda: deque(maxlen=MOMENTUM_STEPS))


class Agents:
    """All agents. The initial `states` give each value its start."""

    def __init__(self, seed: int, states: Mapping[str, MarketState], commands_per_step: int = 10) -> None:
        self._step = 0
        self._commands_per_step = max(commands_per_step, 2 * MAKER_LEVELS + 1)
        self._values: dict[str, _Value] = {}
        self.agents: list[Agent] = []
        self.shocks: list[Shock] = []
        """Of the current step."""
        for symbol in sorted(states):
            start = float(_centre(states[symbol]) or OPENING_TICKS.get(symbol, 10_000))
            moves, shocks = (_generator(seed, symbol, name) for name in ("value", "shocks"))
            self._values[symbol] = _Value(start, start, shocks, moves)
            counts: list[tuple[Kind, int]] = [
                ("maker", MAKERS),
                ("noise", NOISE_TRADERS),
                ("momentum", MOMENTUM_TRADERS),
            ]
            for kind, count in counts:
                for number in range(1, count + 1):
                    name = f"{symbol.lower()}-{kind}-{number}"
                    generator = _generator(seed, symbol, name)
                    self.agents.append(Agent(name, symbol, kind, generator, generator.randrange(1, 8)))

    def due(self) -> list[Agent]:
        """Begin the next step: move the values, and return the agents that act, longest waiting first."""
        self._step += 1
        self.shocks = []
        for symbol, value in self._values.items():
            _move(value)
            change = _shock(value)
            if change:
                self.shocks.append(Shock(symbol, change))
        waiting = [agent for agent in self.agents if agent.next_step <= self._step]
        return sorted(waiting, key=lambda agent: agent.next_step)

    def act(
        self, due: list[Agent], states: Mapping[str, MarketState], holdings: Mapping[str, int]
    ) -> list[Intent]:
        """The intents of the agents of this step. `holdings`: signed shares of each agent in `due`."""
        for symbol, value in self._values.items():
            centre = _centre(states.get(symbol, MarketState()))
            if centre is not None:
                value.seen.append(centre)
        intents: list[Intent] = []
        for agent in due:
            state = states.get(agent.symbol, MarketState())
            waits_since = agent.next_step
            decided = self._decide(agent, state, holdings.get(agent.name, 0))
            if state.halted:
                continue
            if len(intents) + len(decided) > self._commands_per_step:
                agent.next_step = waits_since  # it stays first in line for the next step
                agent.quoted = None
                continue
            intents += decided
        return intents

    def _decide(self, agent: Agent, state: MarketState, held: int) -> list[Intent]:
        value = self._values[agent.symbol]
        if agent.kind == "maker":
            agent.next_step = self._step + agent.random.randrange(3, 7)
            return _make(agent, value.now, held, self._step)
        if agent.kind == "noise":
            agent.next_step = self._step + 1 + int(agent.random.expovariate(1 / 7))
            return _trade_noise(agent, state, value.now, held)
        agent.next_step = self._step + agent.random.randrange(6, 14)
        return _trade_momentum(agent, state, value.seen, held)


def _make(agent: Agent, value: float, held: int, step: int) -> list[Intent]:
    noise = agent.random.gauss(0.0, 0.6)
    sizes = [agent.random.randrange(1, 6) * 100 for _ in range(2 * MAKER_LEVELS)]
    half_spread = max(0.5, value / 16_000)
    skew = half_spread * 3 / INVENTORY_LIMIT
    centre = value + noise - skew * held
    bid = max(1, math.floor(centre - half_spread))
    ask = max(bid + 1, math.ceil(centre + half_spread))
    renew_steps = int(MAKER_REST_S / STEP_S / 2)
    if agent.quoted is not None:
        old_bid, old_ask, quoted_step = agent.quoted
        if abs(old_bid - bid) <= 1 and abs(old_ask - ask) <= 1 and step - quoted_step < renew_steps:
            return []
    agent.quoted = (bid, ask, step)
    intents: list[Intent] = [CancelAll(agent.name, agent.symbol)]
    for level in range(MAKER_LEVELS):
        if held < INVENTORY_LIMIT and bid - level > 0:
            intents.append(
                Place(agent.name, agent.symbol, "buy", sizes[2 * level], bid - level, MAKER_REST_S)
            )
        if held > -INVENTORY_LIMIT:
            intents.append(
                Place(agent.name, agent.symbol, "sell", sizes[2 * level + 1], ask + level, MAKER_REST_S)
            )
    return intents


def _trade_noise(agent: Agent, state: MarketState, value: float, held: int) -> list[Intent]:
    draw, patience, away = agent.random.random(), agent.random.random(), agent.random.randrange(0, 4)
    shares = agent.random.choice(NOISE_SIZES)
    buys = draw < 0.5 - 0.45 * max(-1.0, min(1.0, held / INVENTORY_LIMIT))
    near, far = (state.bid, state.ask) if buys else (state.ask, state.bid)
    toward = 1 if buys else -1
    fallback = max(1, round(value))
    if patience < 0.6:
        limit, rest_s = (far if far is not None else fallback) + toward, 0
    else:
        limit, rest_s = (near if near is not None else fallback) - toward * away, NOISE_REST_S
    return [Place(agent.name, agent.symbol, "buy" if buys else "sell", shares, max(1, limit), rest_s)]


def _trade_momentum(agent: Agent, state: MarketState, seen: deque[int], held: int) -> list[Intent]:
    shares = agent.random.randrange(1, 4) * 100
    if len(seen) < MOMENTUM_STEPS or state.last is None:
        return []
    move = seen[-1] - seen[0]
    threshold = max(1.0, seen[-1] / 8_000)
    if held != 0 and (move == 0 or (move > 0) != (held > 0)):
        return [Place(agent.name, agent.symbol, "sell" if held > 0 else "buy", min(abs(held), 300), None, 0)]
    if abs(move) >= threshold and abs(held) < INVENTORY_LIMIT // 5:
        return [Place(agent.name, agent.symbol, "buy" if move > 0 else "sell", shares, None, 0)]
    return []


def _move(value: _Value) -> None:
    sigma = value.anchor * DAILY_VOLATILITY * math.sqrt(STEP_S / SESSION_S)
    pull = 1 - 0.5 ** (STEP_S / HALF_LIFE_S)
    value.now += value.random.gauss(0.0, sigma) + pull * (value.anchor - value.now)
    value.now = max(value.now, value.anchor * 0.5, 2.0)


def _shock(value: _Value) -> float:
    """Move value and anchor by a shock, if there is one now; returns its part of the value, else 0."""
    happens, size = value.shocks.random() < STEP_S / SHOCK_EVERY_S, value.shocks.uniform(SHOCK_MIN, SHOCK_MAX)
    if not happens:
        return 0.0
    change = size if value.shocks.random() < 0.5 else -size
    value.anchor = max(value.anchor * (1 + change), 4.0)
    value.now = max(value.now * (1 + change), value.anchor * 0.5, 2.0)
    return change


def _centre(state: MarketState) -> int | None:
    if state.bid is not None and state.ask is not None:
        return (state.bid + state.ask) // 2
    return state.last


def _generator(seed: int, symbol: str, name: str) -> random.Random:
    """One generator per name, so that adding an agent does not change the others."""
    return random.Random(f"{seed}/{symbol}/{name}")  # noqa: S311 (a simulation must be reproducible)
