"""functions/asyncapi.gen.json: valid AsyncAPI 3, and true of the messages of a running exchange.

`tests/streams/client.py` compares the messages of all other tests of the streams with the document too.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from cift.contracts.market import QuoteView
from cift.contracts.orders import FillView
from cift.streams import messages, rules
from tests.alpaca.clients import node_modules
from tests.streams import documented
from tests.streams.client import Client
from tests.streams.test_server_sent_events import opened
from tests.venue import Venue

FOLDER = Path(__file__).resolve().parent / "asyncapi"


@pytest.fixture(scope="module")
def official() -> Draft7Validator:
    """A validator with the schema that AsyncAPI publishes."""
    package = node_modules("asyncapi", FOLDER) / "node_modules" / "@asyncapi" / "specs"
    return Draft7Validator(json.loads((package / "schemas" / "3.0.0-without-$id.json").read_text()))


def test_the_document_is_valid(official: Draft7Validator) -> None:
    assert [f"{each.json_path}: {each.message}" for each in official.iter_errors(documented.DOCUMENT)] == []


def test_the_official_schema_finds_mistakes(official: Draft7Validator) -> None:
    for path, wrong in (
        (("operations", "subscribe", "action"), "publish"),
        (("channels", "socket", "bindings", "ws", "method"), "PUT"),
        (("components", "schemas", "TradeUpdate", "type"), "objet"),
    ):
        document = copy.deepcopy(documented.DOCUMENT)
        place: dict[str, Any] = document
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = wrong
        assert not official.is_valid(document), path


def test_every_reference_has_a_target() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [each for inner in value.values() for each in references(inner)]
        return [each for inner in value for each in references(inner)] if isinstance(value, list) else []

    found = references(documented.DOCUMENT)
    assert len(found) > 50
    for reference in found:
        place: Any = documented.DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            assert name in place, reference
            place = place[name]


def test_client_messages_have_the_fields_that_the_exchange_parses() -> None:
    described = {action: set(each.__annotations__) for action, each in messages.REQUESTS.items()}
    assert described == rules._FIELDS
    assert tuple(messages.UPDATES) == rules.CHANNELS
    assert tuple(messages.MARKET_UPDATES) == rules.MARKET_CHANNELS


def test_updates_have_the_fields_of_http() -> None:
    assert set(messages.QuoteUpdate.__annotations__) == {"type", "id", *QuoteView.model_fields}
    assert set(messages.FillUpdate.__annotations__) > set(FillView.model_fields)


async def test_messages_of_an_exchange_are_as_described(venue: Venue) -> None:
    """All types but `bar` and `heartbeat`, which test_bars.py waits for."""
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()

    async def send(client: Client, **message: Any) -> None:
        documented.check(message)
        await client.send(**message)

    for query in ("", "?format=msgpack"):
        async with await Client.open(venue.exchange.url, query=query) as client:
            await send(client, action="auth", api_key=one.api_key, id="me")
            assert (await client.until("authenticated"))["reply_to"] == "me"
            await send(client, action="ping", id=7)
            await client.until("pong")
            topics = {channel: [symbol] for channel in ("quotes", "trades", "book")}
            await send(client, action="subscribe", id=8, subscriptions={**topics, "orders": [], "fills": []})
            await client.until("subscribed")
            maker = await venue.order(one, symbol, quantity="3", time_in_force="gtc")
            trailing = {"type": "trailing_stop", "trail_percent": "5", "limit_price": None, "side": "sell"}
            await venue.order(one, symbol, **trailing)
            await venue.market(two, symbol, "sell", "2")
            await venue.print(symbol, "100.5")
            await venue.call(one, "DELETE", f"/api/v1/trading/orders/{maker['id']}")
            closed = await client.until("order", change="closed")
            assert closed["order"]["status"] == "canceled" and closed["order"]["filled_quantity"] == "2"
            await send(client, action="subscribe", channels=["trades"], symbols=["NOSUCH"])
            await client.until("error", code="unknown_symbol")
            await send(client, action="unsubscribe", channels=["trades"], symbols=[symbol, "NOSUCH"])
            await client.until("subscribed", unknown_symbols=["NOSUCH"])
            never = f"{2**62}:0"
            await send(client, action="subscribe", channels=["trades"], symbols=[symbol], since=never)
            await client.until("gap")
            described = set(documented.names("socket")) - set(rules._FIELDS)
            assert described - {"bar", "heartbeat"} <= {message["type"] for message in client.received}


async def test_events_of_an_exchange_are_as_described(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    query = {
        "symbols": f"{symbol},NOSUCH",
        "channels": "quotes,trades,book,orders,fills",
        "since": f"{2**62}:0",
    }
    async with opened(venue, user.key, **query) as events:
        seen = [await events.next() for _ in range(4)]
        assert {each["type"] for each in seen} == {"unknown_symbols", "gap", "quote", "book"}
        await venue.order(user, symbol, quantity="1")
        await venue.market(venue.user(), symbol, "sell", "1")
        while not {"trade", "order", "fill"} <= {each["type"] for each in seen}:
            seen.append(await events.next())
    for event in seen:
        documented.check(event, "events")


def test_a_message_that_differs_is_found() -> None:
    trade = {
        "type": "trade",
        "id": "812:3",
        "symbol": "SPY",
        "source": "exchange",
        "price": "449.31",
        "quantity": "10",
        "aggressor": "buy",
        "trade_id": str(2**60),
        "at": "2026-11-21T06:41:26.123456Z",
    }
    assert documented.problems(trade) == []
    for field, wrong in (
        ("price", 449.31),
        ("price", "much"),
        ("aggressor", "maker"),
        ("at", "yesterday"),
        ("id", "812"),
        ("more", 1),
    ):
        assert documented.problems({**trade, field: wrong}), field
    assert documented.problems({name: value for name, value in trade.items() if name != "at"})
