"""The streams as Server-Sent Events, on a real exchange."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.target import DEADLINE_S, POLL_S
from tests.venue import MARKET, Venue, refusal

STREAM = f"{MARKET}/stream"


class Events:
    """A response without an end, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id = ""

    async def next(self) -> dict[str, Any]:
        event: dict[str, str] = {}
        while True:
            line = await asyncio.wait_for(anext(self._lines), DEADLINE_S)
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                event[name] = value
            elif "data" in event:
                self.last_id = event.get("id", self.last_id)
                data: dict[str, Any] = json.loads(event["data"])
                assert data["type"] == event["event"]
                return data
            else:
                event = {}


@asynccontextmanager
async def opened(venue: Venue, headers: dict[str, str] | None = None, **query: str) -> AsyncIterator[Events]:
    async with venue.http.stream("GET", STREAM, params=query, headers=headers or {}) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Events(response)


async def test_a_new_response_continues_where_the_last_one_ended(venue: Venue) -> None:
    symbol, other = await venue.instrument(), await venue.instrument()
    async with opened(venue, symbols=f"{symbol},{other}", channels="trades,quotes") as events:
        assert {(await events.next())["symbol"], (await events.next())["symbol"]} == {symbol, other}
        await venue.print(symbol, "101", 1)
        while (await events.next())["type"] != "trade":
            pass
    for number in range(2, 12):
        await venue.print(symbol, "101", number)
        await venue.print(other, "101", number)
    again = {"Last-Event-ID": events.last_id}
    async with opened(venue, again, symbols=f"{symbol},{other}", channels="trades") as events:
        received = [await events.next() for _ in range(20)]
        await venue.print(symbol, "101", 12)
        received.append(await events.next())
    ids = [tuple(map(int, each["id"].split(":"))) for each in received]
    assert ids == sorted(set(ids)), "one order over both symbols"
    for name, count in ((symbol, 12), (other, 11)):
        found = [each["quantity"] for each in received if each["symbol"] == name]
        assert found == [str(number) for number in range(2, count + 1)]


async def test_unknown_symbols_among_known_ones_are_named_first(venue: Venue) -> None:
    symbol = await venue.instrument()
    async with opened(venue, symbols=f"NOSUCH,{symbol},b@d", channels="quotes") as events:
        assert await events.next() == {"type": "unknown_symbols", "symbols": ["NOSUCH", "B@D"]}
        assert events.last_id == ""
        assert (await events.next())["symbol"] == symbol


async def test_fills_of_the_account_and_refused_requests(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    async with opened(venue, one.key, channels="fills") as events:
        # The response's head is sent before the subscription: fills of then are not in it.
        event = asyncio.create_task(events.next())
        while not event.done():
            await venue.order(one, symbol, quantity="2")
            await venue.market(two, symbol, "sell", "2")
            await asyncio.wait({event}, timeout=POLL_S)
        assert (await event)["quantity"] == "2"
    head = await venue.http.head(STREAM, params={"symbols": symbol})
    assert head.status_code == 200 and head.headers["content-type"].startswith("text/event-stream")
    for query, status, code in (
        ({"channels": "fills"}, 401, "credential_required"),
        ({"symbols": symbol, "channels": "trades,fills"}, 401, "credential_required"),
        ({"symbols": "NOSUCH"}, 404, "unknown_symbol"),
        ({}, 400, "invalid_message"),
        ({"symbols": symbol, "channels": "news"}, 400, "unknown_channel"),
        ({"symbols": symbol, "since": "x"}, 400, "invalid_since"),
    ):
        refusal(await venue.http.get(STREAM, params=query), status, code)


async def test_a_revoked_key_ends_the_response(venue: Venue) -> None:
    one = venue.user()
    async with opened(venue, one.key, channels="orders") as events:
        keys = (await venue.http.get("/api/v1/auth/api-keys", headers=one.bearer)).json()["items"]
        await venue.http.delete(f"/api/v1/auth/api-keys/{keys[0]['id']}", headers=one.bearer)
        assert (await events.next())["code"] == "api_key_revoked"
