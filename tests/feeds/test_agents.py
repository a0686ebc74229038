"""The agents decide the same from the same seed and views, stay within their limits, and need no
reference price to begin."""

from collections import Counter

from cift.feeds import agents
from cift.feeds.agents import Agents, Intent, Place, View, Withdraw

SYMBOLS = ("BAC", "SPY")


def views_at(step: int) -> dict[str, View]:
    """A market that moves without looking at the agents."""
    drift = (step // 40) % 7
    return {
        "SPY": View(16_740 + drift, 16_742 + drift, 16_741 + drift),
        "BAC": View(1_390 + drift, 1_391 + drift, 1_390 + drift),
    }


def run(seed: int, steps: int, begin: dict[str, View] | None = None, rate: int = 10) -> list[list[Intent]]:
    crowd = Agents(seed, begin or {symbol: View() for symbol in SYMBOLS}, rate)
    held: Counter[str] = Counter()
    told = []
    for step in range(steps):
        due = crowd.due()
        intents = crowd.act(due, views_at(step), {agent.name: held[agent.name] for agent in due})
        for intent in intents:
            if isinstance(intent, Place) and intent.rest_s == 0:
                held[intent.agent] += intent.shares if intent.side == "buy" else -intent.shares
        told.append(intents)
    return told


def test_same_seed_same_intents() -> None:
    assert run(7, 600) == run(7, 600)


def test_another_seed_trades_differently() -> None:
    assert run(7, 200) != run(8, 200)


def test_everyone_takes_part_on_both_sides() -> None:
    placed = [intent for step in run(7, 2_000) for intent in step if isinstance(intent, Place)]
    kinds = Counter(intent.agent.split("-")[1] for intent in placed)
    assert set(kinds) == {"maker", "noise", "momentum"}
    sides = Counter((intent.symbol, intent.side) for intent in placed)
    for symbol in SYMBOLS:
        assert sides[symbol, "buy"] > 50 and sides[symbol, "sell"] > 50


def test_the_rate_is_bounded_in_every_step_and_nobody_starves() -> None:
    told = run(7, 2_000, rate=7)
    assert max(len(intents) for intents in told) <= 7
    acted = {intent.agent for intents in told for intent in intents}
    assert len(acted) == len(SYMBOLS) * (agents.MAKERS + agents.NOISE_TRADERS + agents.MOMENTUM_TRADERS)


def test_without_a_reference_only_limit_orders_are_sent_and_they_cross() -> None:
    crowd = Agents(7, {"SPY": View()})
    bids: list[int] = []
    asks: list[int] = []
    for _ in range(40):
        due = crowd.due()
        for intent in crowd.act(due, {"SPY": View()}, {}):
            if isinstance(intent, Place):
                assert intent.limit is not None, "a market order needs a price that nobody has made yet"
                (bids if intent.side == "buy" else asks).append(intent.limit)
    assert max(bids) >= min(asks), "somebody pays what somebody asks"


def test_makers_lean_against_what_they_hold() -> None:
    def first_bid(held: int) -> int:
        crowd = Agents(7, {"SPY": View(16_740, 16_742, 16_741)})
        for _ in range(8):
            due = crowd.due()
            for intent in crowd.act(
                due, {"SPY": View(16_740, 16_742, 16_741)}, {agent.name: held for agent in due}
            ):
                if isinstance(intent, Place) and intent.agent == "spy-maker-1" and intent.side == "buy":
                    return intent.limit or 0
        raise AssertionError("the maker never quoted")

    assert first_bid(4_000) < first_bid(0) < first_bid(-4_000)


def test_a_full_maker_quotes_one_side_and_never_crosses_itself() -> None:
    crowd = Agents(7, {"SPY": View()})
    for _ in range(200):
        due = crowd.due()
        intents = crowd.act(due, {"SPY": View()}, {agent.name: agents.INVENTORY_LIMIT for agent in due})
        makers = [intent for intent in intents if isinstance(intent, Place) and "maker" in intent.agent]
        assert all(intent.side == "sell" for intent in makers)
    sides: dict[str, dict[str, list[int]]] = {}
    for intents in run(7, 400):
        for intent in intents:
            if isinstance(intent, Withdraw):
                sides[intent.agent] = {"buy": [], "sell": []}
            elif "maker" in intent.agent:
                assert intent.limit is not None
                sides[intent.agent][intent.side].append(intent.limit)
        for quoted in sides.values():
            if quoted["buy"] and quoted["sell"]:
                assert max(quoted["buy"]) < min(quoted["sell"])


def test_a_halted_symbol_is_left_alone_and_the_rest_goes_on_as_before() -> None:
    crowd, halted = Agents(7, {"SPY": View()}), Agents(7, {"SPY": View()})
    for step in range(100):
        crowd.act(crowd.due(), {"SPY": View(halted=False)}, {})
        intents = halted.act(halted.due(), {"SPY": View(halted=True)}, {})
        assert intents == [], f"step {step}"
    assert crowd._values["SPY"].now == halted._values["SPY"].now, "the value does not depend on who looks"
