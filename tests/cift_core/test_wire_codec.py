"""The wire codec against the shared vectors, and invalid commands.

`rust_core/crates/wire/vectors` has messages (`.bin`) and their content (`.json`); the Rust tests read the
same files. A key that is missing in JSON is None in Python.
"""

import copy
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cift_core import wire
from hypothesis import given, settings
from hypothesis import strategies as st

VECTORS = Path(__file__).resolve().parents[2] / "rust_core" / "crates" / "wire" / "vectors"
HASHES = {"previous_hash", "state_hash"}
ACCOUNT = "01900000-0000-7000-8000-000000000001"
ORDER = "01901111-2222-7333-8444-555566667777"
PLACE = {
    "type": "place_order",
    "account": ACCOUNT,
    "order": ORDER,
    "symbol": "SPY",
    "side": "buy",
    "kind": "limit",
    "quantity": 100_000_000_000,
    "limit_price": 501_250_000_000,
}

DECODERS: dict[str, Callable[[bytes], Any]] = {
    "record": wire.decode_record,
    "results": wire.decode_results,
    "commands": wire.decode_commands,
    "trade": wire.decode_trade,
    "quote": wire.decode_quote,
    "book_delta": wire.decode_book_delta,
    "order": wire.decode_order,
    "fill": wire.decode_fill,
    "position": wire.decode_position,
    "bar": wire.decode_bar,
}


def vector(name: str) -> tuple[bytes, Any]:
    return (VECTORS / f"{name}.bin").read_bytes(), json.loads((VECTORS / f"{name}.json").read_text())


def assert_equal(actual: Any, expected: Any, where: str) -> None:
    """Checks that `actual` has the content of `expected`. Other keys of `actual` are None, or hashes."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict), where
        for key, value in expected.items():
            if key != "idempotency_key":  # the message has only its digest
                assert key in actual, f"{where}.{key} is missing"
                assert_equal(actual[key], value, f"{where}.{key}")
        others = actual.keys() - expected.keys() - HASHES
        surplus = {key: actual[key] for key in others if actual[key] is not None}
        assert not surplus, f"{where}: {surplus} not in the vector"
    elif isinstance(expected, list):
        assert len(actual) == len(expected), where
        for index, (one, other) in enumerate(zip(actual, expected, strict=True)):
            assert_equal(one, other, f"{where}[{index}]")
    else:
        assert (actual, type(actual)) == (expected, type(expected)), where


def test_every_vector_has_a_test() -> None:
    columns = {"ticks_trades", "ticks_quotes", "bars"}  # test_ticks.py
    assert {path.stem for path in VECTORS.glob("*.bin")} <= DECODERS.keys() | columns


@pytest.mark.parametrize("name", DECODERS)
def test_a_message_has_the_content_of_its_vector(name: str) -> None:
    data, expected = vector(name)
    assert_equal(DECODERS[name](data), expected, name)


def test_commands_are_encoded_as_in_the_vector() -> None:
    data, commands = vector("commands")
    for command in commands:
        if "idempotency_key" in command:
            del command["request"]  # the encoder computes the digests
    assert wire.encode_commands(commands) == data


def test_a_decoded_command_can_be_encoded_again() -> None:
    data, _ = vector("commands")
    assert wire.encode_commands(wire.decode_commands(data)) == data


ids = st.uuids().map(str)
positive = st.integers(1, 2**63 - 1)
money = st.integers(-(2**127), 2**127 - 1)
symbols = st.text("ABCXYZ0123456789.-/", min_size=1, max_size=16)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
i32 = st.integers(-(2**31), 2**31 - 1)
i64 = st.integers(-(2**63), 2**63 - 1)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


stop_losses = st.fixed_dictionaries({"order": ids, "stop_price": i64, "limit_price": maybe(i64)})
legs = st.fixed_dictionaries(
    {
        "take_profit": maybe(st.fixed_dictionaries({"order": ids, "limit_price": i64})),
        "stop_loss": maybe(stop_losses),
    }
)
requests = maybe(st.fixed_dictionaries({"key": st.uuids().map(lambda x: x.hex), "body": st.just("0f" * 16)}))
trails = maybe(st.tuples(st.just("amount"), i64) | st.tuples(st.just("ppm"), u32))
limits = st.fixed_dictionaries(
    {
        "max_order_quantity": maybe(i64),
        "max_order_notional": maybe(money),
        "max_position": maybe(i64),
        "max_open_orders": u32,
        "max_orders_per_second": u32,
        "max_daily_loss": maybe(money),
        "leverage_percent": u32,
    }
)
side = st.fixed_dictionaries({"price": i64, "quantity": i64})
FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "set_rules": {"version": u32},
    "enable_format": {"format": st.integers(0, 2**16 - 1)},
    "define_instrument": {
        "symbol": symbols,
        "currency": st.sampled_from(["USD", "EUR", "USDT"]),
        "tick": i64,
        "lot": i64,
        "band_ppm": u32,
        "collar_ppm": u32,
    },
    "define_feed": {"feed": u32, "house": ids, "silence_ns": i64},
    "set_fees": {"maker_ppm": i32, "taker_ppm": i32},
    "set_margin": {"insurance": ids, "maintenance_percent": u32, "interval_ns": i64},
    "set_session": {"session": u64, "closes_at": maybe(i64)},
    "halt": {"symbol": symbols},
    "resume": {"symbol": symbols},
    "split": {"symbol": symbols, "numerator": u32, "denominator": u32},
    "dividend": {"symbol": symbols, "amount": money},
    "open_account": {
        "account": ids,
        "kind": st.sampled_from(["cash", "margin"]),
        "role": st.sampled_from(["customer", "house"]),
        "currency": st.just("USD"),
    },
    "deposit": {"account": ids, "transfer": ids, "amount": money, "request": requests},
    "withdraw": {"account": ids, "transfer": ids, "amount": money, "request": requests},
    "reset_account": {"account": ids, "transfer": ids, "cash": money, "request": requests},
    "set_limits": {"account": ids, "limits": limits},
    "set_account_state": {
        "account": ids,
        "state": st.sampled_from(["active", "reduce_only", "suspended", "closed"]),
    },
    "place_order": {
        "account": ids,
        "order": ids,
        "symbol": symbols,
        "side": st.sampled_from(["buy", "sell"]),
        "kind": st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
        "time_in_force": st.sampled_from(["day", "gtc", "ioc", "fok"]) | st.tuples(st.just("gtd"), i64),
        "quantity": i64,
        "limit_price": maybe(i64),
        "stop_price": maybe(i64),
        "trail": trails,
        "display_quantity": maybe(i64),
        "post_only": st.booleans(),
        "reduce_only": st.booleans(),
        "self_trade_prevention": st.sampled_from(["cancel_newest", "cancel_oldest", "cancel_both", "none"]),
        "class": st.just("simple")
        | st.fixed_dictionaries({"bracket": legs})
        | st.fixed_dictionaries({"oto": legs})
        | st.fixed_dictionaries({"oco": stop_losses}),
        "request": requests,
    },
    "replace_order": {
        "account": ids,
        "order": ids,
        "quantity": maybe(i64),
        "limit_price": maybe(i64),
        "stop_price": maybe(i64),
        "trail": trails,
        "request": requests,
    },
    "cancel_order": {"account": ids, "order": ids, "request": requests},
    "cancel_all": {"account": ids, "symbol": maybe(symbols), "request": requests},
    "outside_quote": {"feed": u32, "source_sequence": u64, "symbol": symbols, "bid": side, "ask": side},
    "outside_trade": {
        "feed": u32,
        "source_sequence": u64,
        "symbol": symbols,
        "price": i64,
        "quantity": i64,
    },
}
ENVELOPE = {
    "trace_id": maybe(st.uuids().map(lambda x: x.hex)),
    "span_id": maybe(st.just("00f067aa0ba902b7")),
    "expires_at": maybe(positive),
    "client_order_id": maybe(st.text(min_size=1, max_size=16)),
}
commands = st.one_of(
    [st.fixed_dictionaries({"type": st.just(name), **fields, **ENVELOPE}) for name, fields in FIELDS.items()]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(commands, max_size=5))
def test_any_command_is_the_same_after_encoding_and_decoding(batch: list[dict[str, Any]]) -> None:
    assert wire.decode_commands(wire.encode_commands(batch)) == batch


def test_a_list_is_accepted_as_a_pair() -> None:
    command = PLACE | {"time_in_force": ["gtd", 5], "trail": ["ppm", 7]}
    decoded = wire.decode_commands(wire.encode_commands([command]))[0]
    assert (decoded["time_in_force"], decoded["trail"]) == (("gtd", 5), ("ppm", 7))


def test_an_idempotency_key_is_encoded_as_digests_of_key_and_body() -> None:
    def request(**changes: Any) -> dict[str, str]:
        command = PLACE | {"idempotency_key": "mine"} | changes
        found: dict[str, str] = wire.decode_commands(wire.encode_commands([command]))[0]["request"]
        return found

    first = request()
    assert request(order=str(uuid.uuid4())) == first, "the digest ignores ids that the function chooses"
    other = request(quantity=1)
    assert other["key"] == first["key"] and other["body"] != first["body"]
    assert request(idempotency_key="yours")["key"] != first["key"]
    assert request(account=str(uuid.uuid4()))["key"] != first["key"]


LEG = {"order": ORDER, "stop_price": 1}
REFUSED: list[tuple[dict[str, Any] | int, str]] = [
    ({"type": "place_order"}, "commands[1].account: is required"),
    ({"account": ACCOUNT}, "commands[1].type: is required"),
    ({"type": "destroy"}, "commands[1].type: there is no command destroy"),
    ({"type": "continue"}, "commands[1].type: only matchd writes the command continue"),
    (7, "commands[1]: expected a dict, got int"),
    (PLACE | {"limit_prise": 5}, "commands[1].limit_prise: unknown field"),
    (PLACE | {"quantity": 1.5}, "commands[1].quantity: expected an int (nanos), got float"),
    (PLACE | {"quantity": True}, "commands[1].quantity: expected an int (nanos), got bool"),
    (PLACE | {"quantity": "1"}, "commands[1].quantity: expected an int (nanos), got str"),
    (PLACE | {"quantity": None}, "commands[1].quantity: is required"),
    (PLACE | {"limit_price": 2**63}, "commands[1].limit_price: 9223372036854775808 is out of range for i64"),
    (PLACE | {"post_only": 1}, "commands[1].post_only: expected a bool, got int"),
    (PLACE | {"side": "short"}, "commands[1].side: expected one of buy sell"),
    (PLACE | {"side": 1}, "commands[1].side: expected a str, got int"),
    (PLACE | {"order": ORDER.replace("-", "")}, "commands[1].order: is not a UUID"),
    (PLACE | {"order": ORDER[:-1] + "g"}, "commands[1].order: is not a UUID"),
    (PLACE | {"symbol": ""}, "commands[1].symbol: must be 1 to 16 printable ASCII characters"),
    (PLACE | {"symbol": "S" * 17}, "commands[1].symbol: must be 1 to 16 printable ASCII characters"),
    (PLACE | {"symbol": "S\0Y"}, "commands[1].symbol: must be 1 to 16 printable ASCII characters"),
    (PLACE | {"time_in_force": ("gtc", 5)}, "commands[1].time_in_force: expected day, gtc"),
    (PLACE | {"time_in_force": "gtd"}, "commands[1].time_in_force: expected day, gtc"),
    (PLACE | {"trail": ("pct", 5)}, 'commands[1].trail: expected ("amount", nanos)'),
    (PLACE | {"trail": ("ppm", 5, 6)}, "commands[1].trail: expected a pair"),
    (PLACE | {"class": {"bracket": {}, "oco": LEG}}, "commands[1].class: expected"),
    (PLACE | {"class": {"oco": LEG | {"order": 3}}}, "commands[1].class.oco.order: expected a str, got int"),
    (PLACE | {"class": {"oco": LEG | {"x": 3}}}, "commands[1].class.oco.x: unknown field"),
    (PLACE | {"client_order_id": "c" * 65}, "commands[1].client_order_id: must be 1 to 64 bytes long"),
    (PLACE | {"idempotency_key": "k" * 129}, "commands[1].idempotency_key: must be 1 to 128 bytes long"),
    (PLACE | {"trace_id": "5"}, "commands[1].trace_id: expected 32 hex digits"),
    (PLACE | {"span_id": "zz" * 8}, "commands[1].span_id: expected 16 hex digits"),
    (
        {"type": "halt", "symbol": "SPY", "idempotency_key": "k"},
        "commands[1].idempotency_key: the command halt takes none",
    ),
    (
        PLACE | {"idempotency_key": "k", "request": {"key": "0" * 32, "body": "0" * 32}},
        "commands[1].idempotency_key: is given beside request",
    ),
]


@pytest.mark.parametrize(("command", "message"), REFUSED)
def test_an_invalid_command_is_refused_with_its_field(command: Any, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        wire.encode_commands([PLACE, command])
    assert str(refused.value).startswith(message)


def test_a_request_is_bounded() -> None:
    assert len(wire.decode_commands(wire.encode_commands([PLACE] * 100))) == 100
    with pytest.raises(ValueError, match="101 commands: at most 100"):
        wire.encode_commands([PLACE] * 101)
    with pytest.raises(TypeError):
        wire.encode_commands((PLACE,))  # type: ignore[arg-type]


def test_money_beyond_64_bits_is_exact() -> None:
    command = {"type": "dividend", "symbol": "SPY", "amount": 2**100 + 1}
    assert wire.decode_commands(wire.encode_commands([command]))[0]["amount"] == 2**100 + 1


@pytest.mark.parametrize("name", DECODERS)
def test_corrupt_bytes_are_a_value_error(name: str) -> None:
    data, _ = vector(name)
    decode = DECODERS[name]
    for cut in range(0, len(data), 7):
        with pytest.raises(ValueError):
            decode(data[:cut])
    with pytest.raises(ValueError):
        decode(data + b"\0" * 8)
    survived = 0
    for index in range(len(data)):
        for bit in (1, 0x80):
            broken = bytearray(data)
            broken[index] ^= bit
            try:
                decode(bytes(broken))
                survived += 1
            except ValueError:
                pass
    assert survived > 0, "some bits are plain values, which every decoder accepts"


def test_decoded_records_share_no_objects() -> None:
    data, _ = vector("record")
    first = wire.decode_record(data)
    again = copy.deepcopy(first)
    first["entries"][0]["events"].clear()
    assert wire.decode_record(data) == again
