"""A feed's ticks reach the tick store without passing the engine: the replay, as in `make run`."""

from pathlib import Path

from tests.history.test_archive_and_query import items
from tests.stack import Stack, eventually


def test_the_replays_ticks_are_in_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = {"market": "replay", "speed": "30", "clickhouse_url": f"chdb://{folder}/clickhouse"}
    with Stack.start(folder, **settings) as stack:
        eventually(
            lambda: len(items(stack, "bars/SPY", interval="1s", source="outside")) > 10, "bars of SPY", 120
        )
        bars = items(stack, "bars/SPY", interval="1s", source="outside", feed="replay")
        assert all(float(bar["low"]) <= float(bar["vwap"]) <= float(bar["high"]) for bar in bars)
        quotes = eventually(lambda: items(stack, "history/IBM", kind="quotes", limit=50), "quotes of IBM")
        assert all(float(quote["bid"]) < float(quote["ask"]) for quote in quotes)
        assert not items(stack, "bars/SPY", interval="1s", source="exchange")
