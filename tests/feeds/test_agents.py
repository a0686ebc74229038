"""Agents make the same decisions from the same seed and market states, keep their limits, and need no
reference price."""

from collections import Counter

from cift import bootstrap
from cift.feeds import agents
from cift.feeds.agents import Agents, CancelAll, Intent, MarketState, Place

SYMBOLS = ("BAC", "SPY")


def states_at(step: int) -> dict[str, MarketState]:
    """A market that moves independently of the agents."""
    drift = (step // 40) % 7
    return {
        "SPY": MarketState(16_740 + drift, 16_742 + drift, 16_741 + drift),
        "BAC": MarketState(1_390 + drift, 1_391 + drift, 1_390 + drift),
    }


def run(
    seed: int, steps: int, begin: dict[str, MarketState] | None = None, rate: int = 10
) -> list[list[Intent]]:
    group = Agents(seed, begin or {symbol: MarketState() for symbol in SYMBOLS}, rate)
    held: Counter[str] = Counter()
    steps_intents = []
    for step in range(steps):
        due = group.due()
        intents = group.act(due, states_at(step), {agent.name: held[agent.name] for agent in due})
        for intent in intents:
            if isinstance(intent, Place) and intent.rest_s == 0:
                held[intent.agent] += intent.shares if intent.side == "buy" else -intent.shares
        steps_intents.append(intents)
    return steps_intents


def test_same_seed_same_intents() -> None:
    assert run(7, 600) == run(7, 600)


def test_another_seed_trades_differently() -> None:
    assert run(7, 200) != run(8, 200)


def test_every_kind_of_agent_trades_on_both_sides() -> None:
    placed = [intent for step in run(7, 2_000) for intent in step if isinstance(intent, Place)]
    kinds = Counter(intent.agent.split("-")[1] for intent in placed)
    assert set(kinds) == {"maker", "noise", "momentum"}
    sides = Counter((intent.symbol, intent.side) for intent in placed)
    for symbol in SYMBOLS:
        assert sides[symbol, "buy"] > 50 and sides[symbol, "sell"] > 50


def test_the_rate_is_bounded_in_every_step_and_every_agent_acts() -> None:
    by_step = run(7, 2_000, rate=7)
    assert max(len(intents) for intents in by_step) <= 7
    acted = {intent.agent for intents in by_step for intent in intents}
    assert len(acted) == len(SYMBOLS) * (agents.MAKERS + agents.NOISE_TRADERS + agents.MOMENTUM_TRADERS)


def test_without_a_reference_only_limit_orders_are_sent_and_they_cross() -> None:
    group = Agents(7, {"SPY": MarketState()})
    bids: list[int] = []
    asks: list[int] = []
    for _ in range(40):
        due = group.due()
        for intent in group.act(due, {"SPY": MarketState()}, {}):
            if isinstance(intent, Place):
                assert intent.limit is not None, "a market order needs a price, and there is none yet"
                (bids if intent.side == "buy" else asks).append(intent.limit)
    assert max(bids) >= min(asks), "a bid reaches an ask"


def test_makers_skew_their_quotes_against_their_holding() -> None:
    def first_bid(held: int) -> int:
        group = Agents(7, {"SPY": MarketState(16_740, 16_742, 16_741)})
        for _ in range(8):
            due = group.due()
            for intent in group.act(
                due, {"SPY": MarketState(16_740, 16_742, 16_741)}, {agent.name: held for agent in due}
            ):
                if isinstance(intent, Place) and intent.agent == "spy-maker-1" and intent.side == "buy":
                    return intent.limit or 0
        raise AssertionError("the maker never quoted")

    assert first_bid(4_000) < first_bid(0) < first_bid(-4_000)


def test_a_maker_at_its_limit_quotes_one_side_and_never_crosses_itself() -> None:
    group = Agents(7, {"SPY": MarketState()})
    for _ in range(200):
        due = group.due()
        intents = group.act(
            due, {"SPY": MarketState()}, {agent.name: agents.INVENTORY_LIMIT for agent in due}
        )
        makers = [intent for intent in intents if isinstance(intent, Place) and "maker" in intent.agent]
        assert all(intent.side == "sell" for intent in makers)
    sides: dict[str, dict[str, list[int]]] = {}
    for intents in run(7, 400):
        for intent in intents:
            if isinstance(intent, CancelAll):
                sides[intent.agent] = {"buy": [], "sell": []}
            elif "maker" in intent.agent:
                assert intent.limit is not None
                sides[intent.agent][intent.side].append(intent.limit)
        for quoted in sides.values():
            if quoted["buy"] and quoted["sell"]:
                assert max(quoted["buy"]) < min(quoted["sell"])


def test_agents_send_nothing_for_a_halted_symbol_and_values_move_as_before() -> None:
    group, halted = Agents(7, {"SPY": MarketState()}), Agents(7, {"SPY": MarketState()})
    for step in range(100):
        group.act(group.due(), {"SPY": MarketState(halted=False)}, {})
        intents = halted.act(halted.due(), {"SPY": MarketState(halted=True)}, {})
        assert intents == [], f"step {step}"
    assert group._values["SPY"].now == halted._values["SPY"].now, "values ignore the market state"


def test_shocks_move_the_value_and_are_readable() -> None:
    group = Agents(7, {symbol: MarketState() for symbol in SYMBOLS})
    shocks = []
    for _ in range(4 * 3_600 * 4):
        group.due()
        shocks += group.shocks
    assert {shock.symbol for shock in shocks} == set(SYMBOLS)
    assert all(agents.SHOCK_MIN <= abs(shock.change) <= agents.SHOCK_MAX for shock in shocks)
    assert {shock.change > 0 for shock in shocks} == {True, False}
    again = Agents(7, {symbol: MarketState() for symbol in SYMBOLS})
    repeated = []
    for _ in range(4 * 3_600 * 4):
        again.due()
        repeated += again.shocks
    assert repeated == shocks, "the same seed gives the same shocks"


def test_every_default_symbol_has_an_opening_price() -> None:
    assert set(bootstrap.AGENTS_SYMBOLS) <= set(agents.OPENING_TICKS) and len(bootstrap.AGENTS_SYMBOLS) == 12
