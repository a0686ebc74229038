"""The chart declares the streams with the configuration that they have on one machine."""

from typing import Any

import pytest

from cift.platform import dead_letters, tick_stream
from cift.platform.settings import Settings
from tests.chart.helm import Object, environment, named, render


def streams(**values: Any) -> dict[str, Object]:
    return {
        each["spec"]["stream"]: each["spec"] for each in render(**values) if each["kind"] == "MarketStream"
    }


def test_the_stream_of_dead_letters() -> None:
    spec = streams()[dead_letters.STREAM]
    assert spec["subjects"] == [dead_letters.SUBJECTS]
    assert spec["maxBytes"] == dead_letters.BYTES_MAX
    assert spec["duplicateWindow"] == f"{dead_letters.DUPLICATE_WINDOW_S // 3600:.0f}h"
    assert (spec["discard"], spec["storage"], spec["deletionPolicy"]) == ("new", "file", "Retain")


@pytest.mark.parametrize(
    "store",
    [
        {"clickhouse": {"url": "http://clickhouse.example.org:8123"}},
        {"clickhouse": {"existingSecret": "mine"}},
        {"clickhouse": {"enabled": True}},
        {
            "questdb": {
                "url": "postgresql://quest.example.org:8812/qdb",
                "ilp": "http::addr=q:9000;",
            }
        },
        {"questdb": {"existingSecret": "mine"}},
    ],
)
def test_the_stream_of_ticks_exists_if_there_is_a_store_for_them(store: dict[str, Any]) -> None:
    assert tick_stream.STREAM not in streams()
    spec = streams(nats={"replicas": 3}, **store)[tick_stream.STREAM]
    assert spec["subjects"] == list(tick_stream.SUBJECTS)
    assert spec["maxBytes"] == Settings().ticks_max_bytes
    assert spec["duplicateWindow"] == f"{tick_stream.DUPLICATE_WINDOW_S}s"
    assert (spec["discard"], spec["storage"], spec["replicas"]) == ("old", "file", 3)


def test_operator_and_feed_limit_the_ticks_equally() -> None:
    """A feed makes the stream if the operator has not made it yet."""
    bound = 7 << 20
    values = {
        "market": {"source": "replay", "ticksMaxBytes": bound},
        "clickhouse": {"existingSecret": "mine"},
    }
    assert streams(**values)[tick_stream.STREAM]["maxBytes"] == bound
    feed = named(render(**values), "Deployment", "feeds-replay-market")
    assert environment(feed)["CIFT_TICKS_MAX_BYTES"] == str(bound)
