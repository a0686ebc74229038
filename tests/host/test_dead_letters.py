"""Dead letters: Python reads the vectors that relay's tests make."""

import json
from pathlib import Path
from typing import Any

import pytest

from cift.platform.dead_letter import Letter
from cift.platform.journal import Message

FOLDER = Path(__file__).parent.parent / "vectors" / "dead_letter"
VECTORS = sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> tuple[dict[str, Any], bytes]:
    return json.loads((FOLDER / f"{name}.json").read_text()), (FOLDER / f"{name}.batch").read_bytes()


def message(vector: dict[str, Any]) -> Message:
    from cift.platform.cloud_event import message_headers

    fields = vector["message"]
    headers = message_headers(bytes.fromhex(fields["headers"]))
    data = bytes.fromhex(fields["data"])
    return Message(fields["sequence"], fields["subject"], data, headers, fields["time_ns"])


def test_there_are_vectors() -> None:
    assert len(VECTORS) >= 2


@pytest.mark.parametrize("name", VECTORS)
def test_a_dead_letter_is_read_as_the_batch_that_was_refused(name: str) -> None:
    vector, body = read(name)
    letter = Letter(vector["subject"], vector["letter"], body)
    assert (letter.function, letter.reason) == (
        vector["post"]["ce-cift-function"],
        vector["letter"]["cift-reason"],
    )
    batch = letter.batch()
    assert list(batch) == [message(vector)]
    assert letter.post_headers() == vector["post"]
    assert (batch.stream, batch.shard, batch.journal_id) == (vector["post"]["ce-stream"], "main", "")
