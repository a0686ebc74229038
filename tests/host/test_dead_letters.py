"""Dead letters: Python makes and reads the vectors that relay's tests also use."""

import json
from pathlib import Path
from typing import Any

import pytest

from cift.platform import dead_letter
from cift.platform.dead_letter import Letter
from cift.platform.journal import Message
from cift.platform.portion import Portion

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
def test_a_dead_letter_is_made_as_its_vector_specifies(name: str) -> None:
    vector, body = read(name)
    post = vector["post"]
    made = dead_letter.make(
        post["ce-cift-function"],
        post["ce-shard"],
        post["ce-stream"],
        vector["stream_id"],
        message(vector),
        vector["reason"],
    )
    assert made == Letter(vector["subject"], vector["letter"], body)
    assert made.post_headers() == post


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
    assert (batch.stream, batch.shard, batch.journal_id) == (vector["post"]["ce-stream"], "main", "")


def test_a_poison_message_is_found_by_halving_and_all_others_pass_in_order() -> None:
    for poisons in ([], [0], [99], [50], [3, 4], [0, 17, 18, 99], list(range(100))):
        portion, at, posts = Portion(32), 0, 0
        aside: list[int] = []
        passed: list[int] = []
        while at < 100:
            count = portion.of(100 - at)
            posts += 1
            if not set(poisons) & set(range(at, at + count)):
                passed += range(at, at + count)
            elif portion.poisoned(count):
                aside.append(at)
            else:
                continue
            portion.passed(count)
            at += count
        assert aside == poisons
        assert passed == [n for n in range(100) if n not in poisons]
        assert posts <= 4 + 12 * max(1, len(poisons))
