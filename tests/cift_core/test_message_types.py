"""The generated message types are those of the dicts: keys and types, at run time."""

from pathlib import Path
from typing import Any, get_args

import pytest
from cift_core import wire
from hypothesis import given, settings
from hypothesis import strategies as st

from cift.contracts import messages_gen as messages
from tests.cift_core.test_every_event import RECORD
from tests.cift_core.test_wire_codec import FIELDS, commands, vector
from tests.shapes import DECODED, SENT

PUBLISHED: dict[str, Any] = {
    "trade": messages.TradeMessage,
    "quote": messages.QuoteMessage,
    "book_delta": messages.BookDeltaMessage,
    "order": messages.OrderMessage,
    "fill": messages.FillMessage,
    "position": messages.PositionMessage,
}


def literal(kind: Any) -> str:
    """The `type` of a command or an event."""
    hint = kind.__annotations__["type"]
    while not isinstance(hint, str):
        (hint,) = get_args(hint)
    return hint


def types_of(union: Any) -> dict[str, Any]:
    return {literal(kind): kind for kind in get_args(union)}


COMMANDS, EVENTS = types_of(messages.JournalCommand), types_of(messages.Event)


@settings(max_examples=500, deadline=None)
@given(st.lists(commands, min_size=1, max_size=5))
def test_any_command_is_of_its_type_when_sent_and_when_decoded(batch: list[dict[str, Any]]) -> None:
    for sent, decoded in zip(batch, wire.decode_commands(wire.encode_commands(batch)), strict=True):
        kind = COMMANDS[sent["type"]]
        assert SENT.difference(sent, kind) is None
        assert DECODED.difference(decoded, kind) is None


@given(commands)
def test_keys_that_are_not_required_may_be_left_out(command: dict[str, Any]) -> None:
    kind = COMMANDS[command["type"]]
    least = {key: value for key, value in command.items() if key in kind.__required_keys__}
    assert SENT.difference(least, kind) is None
    decoded = wire.decode_commands(wire.encode_commands([least]))[0]
    assert DECODED.difference(decoded, kind) is None


@pytest.mark.parametrize("name", FIELDS)
def test_a_required_key_is_required_by_the_encoder_too(name: str) -> None:
    command = {"type": name} | {key: example(value) for key, value in FIELDS[name].items()}
    for key in COMMANDS[name].__required_keys__:
        lacking = {other: value for other, value in command.items() if other != key}
        with pytest.raises(ValueError, match=f"{key}: is required"):
            wire.encode_commands([lacking])


def example(strategy: st.SearchStrategy[Any]) -> Any:
    found: list[Any] = []

    @settings(max_examples=1, database=None)
    @given(strategy)
    def draw(value: Any) -> None:
        found.append(value)

    draw()
    return found[0]


def test_the_union_of_commands_has_all_that_can_be_sent() -> None:
    assert types_of(messages.Command).keys() == FIELDS.keys()
    assert COMMANDS.keys() - FIELDS.keys() == {"engine_started", "advance_time", "continue"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_message_is_of_its_type(name: str) -> None:
    data, _ = vector(name)
    decoded = getattr(wire, f"decode_{name}")(data)
    assert DECODED.difference(decoded, PUBLISHED[name]) is None


def test_results_and_records_are_of_their_types() -> None:
    results = wire.decode_results(vector("results")[0])
    assert {result["status"] for result in results} >= {"done", "refused", "repeated", "unavailable"}
    assert DECODED.difference(results, list[messages.Result]) is None
    assert DECODED.difference(wire.decode_record(vector("record")[0]), messages.Record) is None


def test_every_kind_of_event_is_of_its_type() -> None:
    record = wire.decode_record(Path(RECORD).read_bytes())
    assert DECODED.difference(record, messages.Record) is None
    events = record["entries"][0]["events"]
    assert {event["type"] for event in events} == EVENTS.keys()
    for event in events:
        assert DECODED.difference(event, EVENTS[event["type"]]) is None


def test_a_difference_is_named_by_its_path() -> None:
    events = wire.decode_record(RECORD.read_bytes())["entries"][0]["events"]
    trade = next(event for event in events if event["type"] == "trade_executed")
    trade["maker"]["fee"] = "1"
    assert DECODED.difference(trade, messages.TradeExecuted) == ".maker.fee: '1' is not int"
    del trade["price"]
    trade["prize"] = 1
    assert (
        DECODED.difference(trade, messages.TradeExecuted) == ": TradeExecuted lacks ['price'], has ['prize']"
    )
