"""The batches that relay posts: Python reads the vectors that relay's tests write."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from cift.kernel.errors import Expected, Refused
from cift.platform import cloud_event

FOLDER = Path(__file__).parent.parent / "vectors" / "cloud_event_batch"
VECTORS = sorted(path.stem for path in FOLDER.glob("*.json"))
VALID = [name for name in VECTORS if "error" not in json.loads((FOLDER / f"{name}.json").read_text())]


def read(name: str) -> tuple[dict[str, Any], dict[bytes, bytes], bytes]:
    vector = json.loads((FOLDER / f"{name}.json").read_text())
    headers = {k.encode(): v.encode() for k, v in vector["headers"].items()}
    return vector, headers, (FOLDER / f"{name}.batch").read_bytes()


def test_there_are_valid_and_invalid_vectors() -> None:
    assert len(VALID) >= 3 and len(VECTORS) - len(VALID) >= 2
    assert {path.stem for path in FOLDER.glob("*.batch")} == set(VECTORS)


@pytest.mark.parametrize("name", VECTORS)
def test_a_batch_is_read_as_its_vector_specifies(name: str) -> None:
    vector, headers, body = read(name)
    journal = bool(vector["headers"]["ce-journalid"])
    if "error" in vector:
        with pytest.raises(Refused, match=vector["error"]) as refused:
            cloud_event.batch(headers, body, journal=journal)
        assert (refused.value.status, refused.value.code) == (400, "invalid_batch")
        return
    raw = [
        (m["sequence"], m["time_ns"], m["subject"].encode(), *map(bytes.fromhex, (m["headers"], m["data"])))
        for m in vector["messages"]
    ]
    assert list(cloud_event.messages(body)) == raw
    batch = cloud_event.batch(headers, body, journal=journal)
    assert (batch.stream, batch.shard) == (vector["headers"]["ce-stream"], "main")
    assert batch.journal_id == vector["headers"]["ce-journalid"]
    for item, message in zip(batch, vector["messages"], strict=True):
        assert (item.sequence, item.data.hex()) == (message["sequence"], message["data"])
        if not journal:
            assert (item.subject, item.timestamp_ns) == (message["subject"], message["time_ns"])


def test_a_message_s_nats_headers_are_read() -> None:
    vector, headers, body = read("events_with_headers")
    first, second = cloud_event.batch(headers, body, journal=False)
    assert first.headers == {"Nats-Msg-Id": "41:0", "traceparent": vector["headers"]["traceparent"]}
    assert second.headers == {}


@pytest.mark.parametrize("name", ["ce-type", "ce-stream", "ce-journalid", "ce-first", "ce-last", "ce-count"])
def test_a_batch_without_one_of_its_headers_is_refused(name: str) -> None:
    _, headers, body = read("three_journal_records")
    del headers[name.encode()]
    with pytest.raises(Refused) as refused:
        cloud_event.batch(headers, body, journal=True)
    assert (refused.value.code, refused.value.status) == ("invalid_batch", 400)


@pytest.mark.parametrize("name", ["ce-first", "ce-last", "ce-count"])
def test_a_batch_that_differs_from_its_headers_is_refused(name: str) -> None:
    _, headers, body = read("three_journal_records")
    with pytest.raises(Refused, match=f"{name} is not the"):
        cloud_event.batch(headers | {name.encode(): b"99"}, body, journal=True)


def packed(sequence: int) -> bytes:
    return struct.pack("<QqHII", sequence, 0, 1, 0, 1) + b"sd"


def test_a_gap_in_the_journal_requests_the_missing_record_and_a_step_back_is_refused() -> None:
    _, headers, _ = read("three_journal_records")
    with pytest.raises(Expected) as expected:
        cloud_event.batch(headers, packed(5) + packed(7), journal=True)
    assert expected.value.sequence == 6
    with pytest.raises(Refused, match="in order"):
        cloud_event.batch(headers, packed(5) + packed(5), journal=True)


@pytest.mark.parametrize("block", [b"HTTP/1.1\r\n\r\n", b"NATS/1.0\r\nno colon\r\n\r\n"])
def test_an_invalid_header_block_is_refused(block: bytes) -> None:
    with pytest.raises(Refused, match="headers"):
        cloud_event.message_headers(block)
