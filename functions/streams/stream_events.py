"""The same streams as Server-Sent Events; `Last-Event-ID` continues where the last response ended.

docs/streams.md describes the events."""

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from cift.contracts.headers import FromHeader
from cift.function import Scale, http
from cift.platform.identity import Caller, Trader
from cift.platform.stores import Platform
from cift.streams.streams import Streams


@http("GET", "/api/v1/market-data/stream", scope=None, timeout_s=300.0, scale=Scale(max=3, concurrency=1_000))
async def stream_events(
    platform: Platform,
    trader: Trader | None,
    caller: Caller,
    symbols: Annotated[
        str, Field(description="Separated by commas, at most 100.", examples=["SPY,IBM"])
    ] = "",
    channels: Annotated[
        str | None, Field(description="quotes, trades, bars, book; or orders, fills. Default: quotes,trades.")
    ] = None,
    since: Annotated[str | None, Field(description="Id of the last event that you received.")] = None,
    last_event_id: Annotated[str | None, FromHeader("Last-Event-ID")] = None,
) -> Response:
    return await Streams.of(platform).event_stream(symbols, channels, last_event_id or since, trader, caller)
