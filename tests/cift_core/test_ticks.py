"""Batches of ticks and bars: the shared vectors, no copies, and invalid arguments."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cift_core import ticks

VECTORS = Path(__file__).resolve().parents[2] / "rust_core" / "crates" / "wire" / "vectors"
DECODERS: dict[str, Callable[[bytes], dict[str, Any]]] = {
    "ticks_trades": ticks.decode_ticks,
    "ticks_quotes": ticks.decode_ticks,
    "bars": ticks.decode_bars,
}
TYPES = {"sequences": np.uint64, "sides": np.int8, "conditions": np.uint32, "trades": np.uint32}


def vector(name: str) -> tuple[bytes, dict[str, Any]]:
    return (VECTORS / f"{name}.bin").read_bytes(), json.loads((VECTORS / f"{name}.json").read_text())


def arrays(content: dict[str, Any]) -> dict[str, Any]:
    return {
        name: np.array(value, TYPES.get(name, np.int64)) if isinstance(value, list) else value
        for name, value in content.items()
    }


def encoded(name: str, content: dict[str, Any]) -> bytes:
    a = arrays(content)
    if name == "bars":
        columns = ("starts", "opens", "highs", "lows", "closes", "volumes", "vwaps", "trades")
        return ticks.encode_bars(a["source"], a["symbol"], a["interval_s"], *(a[c] for c in columns))
    head = (a["feed"], a["symbol"], a["sequences"], a["times"])
    if name == "ticks_trades":
        return ticks.encode_trades(*head, a["prices"], a["quantities"], a["sides"], a["conditions"])
    return ticks.encode_quotes(*head, a["bids"], a["bid_quantities"], a["asks"], a["ask_quantities"])


@pytest.mark.parametrize("name", DECODERS)
def test_a_batch_has_the_content_of_its_vector(name: str) -> None:
    data, expected = vector(name)
    decoded = DECODERS[name](data)
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in decoded.items()}
    assert plain == expected
    for column, array in decoded.items():
        if isinstance(array, np.ndarray):
            assert array.dtype == TYPES.get(column, np.int64)
    assert encoded(name, expected) == data


def test_columns_are_views_of_the_message_and_keep_it() -> None:
    data, expected = vector("ticks_trades")
    decoded = ticks.decode_ticks(data)
    whole = np.frombuffer(data, np.uint8)
    for name in ("sequences", "times", "prices", "quantities", "sides", "conditions"):
        assert np.shares_memory(decoded[name], whole) and not decoded[name].flags.writeable, name
    arrow = pa.array(decoded["prices"])
    assert arrow.buffers()[1].address == decoded["prices"].ctypes.data
    prices = ticks.decode_ticks(memoryview(b"xyz" + data)[3:])["prices"]
    assert prices.tolist() == expected["prices"]
    del data, decoded, whole
    assert arrow.to_pylist() == expected["prices"]


def test_an_invalid_argument_is_a_value_or_type_error_that_names_it() -> None:
    _, valid = vector("ticks_trades")
    for change, message in (
        ({"feed": "Not a feed"}, "feed"),
        ({"symbol": "spy"}, "symbol"),
        ({"sequences": [1, 1, 2]}, "are not strictly monotonic"),
        ({"prices": [1]}, "as long as"),
    ):
        with pytest.raises(ValueError, match=message):
            encoded("ticks_trades", {**valid, **change})
    with pytest.raises(TypeError, match="int64"):
        a = arrays(valid)
        ticks.encode_trades(
            "a",
            "B",
            a["sequences"],
            a["times"],
            a["prices"] * 1.0,
            a["quantities"],
            a["sides"],
            a["conditions"],
        )
    many = np.arange(ticks.MAX_TICKS_PER_BATCH + 1, dtype=np.int64)
    with pytest.raises(ValueError, match="limit of 65536"):
        ticks.encode_quotes("a", "B", many.astype(np.uint64), many, many, many, many, many)
    with pytest.raises(ValueError, match="read-only"):
        ticks.decode_ticks(memoryview(bytearray(vector("bars")[0])))
    with pytest.raises(ValueError):
        ticks.decode_ticks(b"not a message")
