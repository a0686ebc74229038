"""The updates of the account's orders as Server-Sent Events in Alpaca's form; `since_id` resumes."""

from starlette.responses import Response

from cift.alpaca import update_events
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.platform.stores import Platform
from cift.streams.streams import Streams


@http(
    "GET",
    "/v2/events/trades",
    scope="read",
    form="alpaca",
    timeout_s=300.0,
    scale=Scale(max=2, concurrency=1_000),
)
async def stream_update_events(
    platform: Platform,
    trader: Trader,
    database: Database,
    since: str | None = None,
    until: str | None = None,
    since_id: str | None = None,
    until_id: str | None = None,
) -> Response:
    streams = Streams.of(platform)
    return update_events.response(streams, trader, database, since, until, since_id, until_id)
