"""Compute indicators and order flow of the last complete minutes from bars and quotes.

The bars themselves are stored by a view of ClickHouse as ticks arrive (bars_of_ticks)."""

from cift.function import every
from cift.history import indicators
from cift.kernel.clock import now_ns
from cift.platform.clickhouse import ClickHouse


@every("60s", extras=("clickhouse",))
async def build_bars(clickhouse: ClickHouse) -> None:
    if clickhouse.is_on:
        await indicators.build(now_ns(), clickhouse)
