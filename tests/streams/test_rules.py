"""Messages of clients: every mistake has an error code."""

import json

import ormsgpack
import pytest

from cift.kernel.errors import CiftError
from cift.streams import rules
from cift.streams.rules import Topic


def test_a_message_may_be_json_or_msgpack() -> None:
    body = {"action": "subscribe", "symbols": ["spy", "SPY", "ibm"], "channels": ["trades"], "since": "12:3"}
    for message in (json.dumps(body), ormsgpack.packb(body)):
        request = rules.parse(message)
        assert (request.symbols, request.channels, request.since) == (("SPY", "IBM"), ("trades",), (12, 3))
    assert rules.parse('{"action": "subscribe", "symbols": ["SPY"]}').channels == ("quotes", "trades")


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ("{", "invalid_json", None),
        (b"\xc1", "invalid_msgpack", None),
        ("[]", "invalid_message", None),
        ("{}", "unknown_action", "action"),
        ('{"action": 1}', "unknown_action", "action"),
        ('{"action": "sell"}', "unknown_action", "action"),
        ('{"action": "ping", "symbols": []}', "invalid_message", "symbols"),
        ('{"action": "subscribe", "channels": ["news"]}', "unknown_channel", "channels"),
        ('{"action": "subscribe", "channels": "trades"}', "invalid_message", "channels"),
        ('{"action": "subscribe", "channels": []}', "invalid_message", "channels"),
        ('{"action": "subscribe", "symbols": "SPY"}', "invalid_message", "symbols"),
        (json.dumps({"action": "subscribe", "symbols": ["A"] * 101}), "too_many_symbols", "symbols"),
        ('{"action": "subscribe", "symbols": ["SPY"], "since": 5}', "invalid_since", "since"),
        ('{"action": "subscribe", "symbols": ["SPY"], "since": "5"}', "invalid_since", "since"),
        ('{"action": "ping", "id": 1.5}', "invalid_message", "id"),
        ('{"action": "ping", "id": 9007199254740993}', "invalid_message", "id"),
        (json.dumps({"action": "ping", "id": "x" * 65}), "invalid_message", "id"),
        ('{"action": "subscribe", "subscriptions": {}}', "invalid_message", "subscriptions"),
        ('{"action": "subscribe", "subscriptions": {"trades": []}}', "invalid_message", "subscriptions"),
        ('{"action": "subscribe", "subscriptions": {"fills": ["SPY"]}}', "invalid_message", "subscriptions"),
        ('{"action": "subscribe", "subscriptions": {"news": ["SPY"]}}', "unknown_channel", "channels"),
        (
            '{"action": "subscribe", "subscriptions": {"trades": ["A"]}, "symbols": ["A"]}',
            "invalid_message",
            "subscriptions",
        ),
        ('{"action": "auth"}', "invalid_message", "token"),
        ('{"action": "auth", "token": "a", "api_key": "b"}', "invalid_message", "token"),
        ('{"action": "auth", "token": 7}', "invalid_message", "token"),
        (" " * 9000, "message_too_large", None),
    ],
)
def test_mistakes_have_codes_and_fields(message: str | bytes, code: str, field: str | None) -> None:
    with pytest.raises(CiftError) as caught:
        rules.parse(message)
    assert (caught.value.code, caught.value.field) == (code, field)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"channels": ["trades"]}, "invalid_message"),
        ({"channels": ["orders"], "symbols": ["SPY"]}, "invalid_message"),
        ({"symbols": ["NOPE"]}, "unknown_symbol"),
        ({"symbols": ["SP Y", "*"]}, "unknown_symbol"),
    ],
)
def test_a_subscription_needs_channels_and_symbols_that_fit(fields: dict[str, list[str]], code: str) -> None:
    with pytest.raises(CiftError) as caught:
        rules.topics_of(rules.parse(json.dumps({"action": "subscribe", **fields})), "me", ["SPY"])
    assert caught.value.code == code


def test_topics_are_pairs_of_channel_and_symbol_and_account_channels() -> None:
    request = rules.parse('{"action": "subscribe", "symbols": ["SPY"], "channels": ["book", "fills"]}')
    topics, unknown = rules.topics_of(request, "me", ["SPY", "IBM"])
    assert topics == [Topic("book", "SPY"), Topic("fills", "me")] and unknown == []
    assert rules.listing(topics) == {"book": ["SPY"], "fills": []}
    with pytest.raises(CiftError) as caught:
        rules.check_count(rules.SUBSCRIPTIONS_MAX + 1)
    assert caught.value.code == "too_many_subscriptions"


def test_unknown_symbols_among_known_ones_are_named() -> None:
    request = rules.parse(
        json.dumps(
            {"action": "subscribe", "symbols": ["nope", "SPY", "SP Y", "X" * 40], "channels": ["book"]}
        )
    )
    topics, unknown = rules.topics_of(request, None, ["SPY", "IBM"])
    assert topics == [Topic("book", "SPY")]
    assert unknown == ["NOPE", "SP Y", "X" * 32], "cut to 32 characters"


def test_subscriptions_have_the_form_of_the_response() -> None:
    given = {"book": ["spy"], "fills": [], "trades": ["IBM", "NOPE"]}
    request = rules.parse(json.dumps({"action": "subscribe", "subscriptions": given, "id": 7}))
    topics, unknown = rules.topics_of(request, "me", ["SPY", "IBM"])
    assert topics == [Topic("book", "SPY"), Topic("fills", "me"), Topic("trades", "IBM")]
    assert (unknown, request.id) == (["NOPE"], 7)
    assert rules.listing(topics) == {"book": ["SPY"], "fills": [], "trades": ["IBM"]}
