"""A poison effect goes to DLQ; `cift dlq` lists and replays it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cift.auth import managed
from cift.cli.client import PREFIX
from cift.platform import dead_letter, dead_letters
from cift.platform.stores import Platform
from cift.run.servers import free_port
from tests.host.alone import alone
from tests.relay.process import relay
from tests.stack import ROOT, Stack, eventually
from tests.target import DEADLINE_S, User
from tests.venue import Venue, refusal

LETTER = ROOT / "tests" / "vectors" / "dead_letter" / "rejected_mail"
LETTERS = f"{PREFIX}/admin/dead-letters"
FUNCTION = '''"""Appends the orders of EVENTS to `noted`, and fails for the subjects in the file `refused`."""

import os
from pathlib import Path

from cift.function import on
from cift.kernel.errors import Poison
from cift.platform.journal import Batch


@on("EVENTS", batch=50, subject="events.*.order", effects=True)
async def NAME(batch: Batch) -> None:
    folder = Path(os.environ["NOTES"])
    refused = (folder / "refused").read_text().split()
    for message in batch:
        if message.subject in refused:
            raise Poison(f"no recipient for {message.subject}")
    with (folder / "noted").open("a") as file:
        file.writelines(f"{message.subject} {message.sequence}\\n" for message in batch)
'''


class Noter:
    """The test's function, which runs in its own process."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder

    def noted(self, subject: str) -> int:
        """How many messages with this subject it handled."""
        lines = (self._folder / "noted").read_text().splitlines()
        return sum(line.startswith(f"{subject} ") for line in lines)

    def refuse(self, *subjects: str) -> None:
        (self._folder / "refused").write_text(" ".join(subjects))


async def publish(venue: Venue, user: User) -> None:
    """A message of a user's own stream: beside the exchange's streams, a function may handle any other."""
    js = await venue.platform.nats.jetstream()
    await js.publish(f"events.{user.account_id}.order", b"an order")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def events_stream(platform: Platform) -> AsyncIterator[None]:
    js = await platform.nats.jetstream()
    await js.add_stream(name="EVENTS", subjects=["events.>"])
    yield
    await js.delete_stream("EVENTS")


@pytest.fixture
def noter(exchange: Stack, events_stream: None, tmp_path: Path) -> Iterator[Noter]:
    verb_noun = "note_orders"
    functions = tmp_path / "functions"
    (functions / "testing").mkdir(parents=True)
    (functions / "testing" / f"{verb_noun}.py").write_text(FUNCTION.replace("NAME", verb_noun))
    for file in ("refused", "noted"):
        (tmp_path / file).write_text("")
    name = f"testing.{verb_noun}"
    settings = {"NOTES": str(tmp_path), "PORT": str(free_port())}
    handler = {
        "function": name, "url": f"http://127.0.0.1:{settings['PORT']}/", "timeout_seconds": 60,
        "kind": "stream", "stream": "EVENTS", "subject": "events.*.order", "batch": 50, "effects": True,
    }  # fmt: skip
    with alone(name, exchange, functions=functions, **settings), relay(exchange, [handler], tmp_path):
        yield Noter(name, tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def admin_key(platform: Platform) -> str:
    return await managed.create_admin_key("dead letters", platform.database, platform.settings)


def cift(exchange: Stack, key: str, *arguments: str) -> tuple[int, Any]:
    """Run `cift … --json`. Returns the exit code and the parsed output, or stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "cift.cli", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, "CIFT_URL": exchange.url, "CIFT_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


async def test_a_poison_effect_is_stored_listed_and_replayed(
    noter: Noter, venue: Venue, exchange: Stack, admin_key: str
) -> None:
    good, bad = venue.user(), venue.user()
    refused = f"events.{bad.account_id}.order"
    noter.refuse(refused)
    for user in (good, bad, good, bad, good):
        await publish(venue, user)
    fine = f"events.{good.account_id}.order"
    eventually(lambda: noter.noted(fine) == 3, "the other messages are handled")
    of_function = ("--function", noter.name)

    def two_letters() -> list[dict[str, Any]]:
        code, letters = cift(exchange, admin_key, "dlq", "list", *of_function)
        assert code == 0, letters
        return letters if len(letters) == 2 else []

    letters = eventually(two_letters, "both poison messages are in DLQ")
    assert noter.noted(refused) == 0
    for letter in letters:
        assert (letter["function"], letter["stream"], letter["subject"]) == (noter.name, "EVENTS", refused)
        assert letter["reason"] == f"no recipient for {refused}"
        assert letter["data_bytes"] > 0 and letter["put_aside_at"] >= letter["published_at"]
    assert letters[0]["sequence"] < letters[1]["sequence"], "oldest first"

    code, outcomes = cift(exchange, admin_key, "dlq", "replay", "--all", *of_function)
    assert code == 1, outcomes
    assert [outcome["outcome"] for outcome in outcomes] == ["stays", "stays"]
    assert "poison" in outcomes[0]["message"]

    noter.refuse()
    code, outcomes = cift(exchange, admin_key, "dlq", "replay", "--id", str(letters[0]["id"]))
    assert (code, outcomes[0]["outcome"], outcomes[0]["function"]) == (0, "taken", noter.name)
    assert noter.noted(refused) == 1
    code, outcomes = cift(exchange, admin_key, "dlq", "replay", "--all", *of_function)
    assert (code, [o["id"] for o in outcomes]) == (0, [letters[1]["id"]])
    assert noter.noted(refused) == 2 and noter.noted(fine) == 3
    assert cift(exchange, admin_key, "dlq", "list", *of_function) == (0, [])
    again = await venue.call(
        None, "POST", f"{LETTERS}/{letters[0]['id']}/replay", None, {"X-API-Key": admin_key}
    )
    refusal(again, 404, "unknown_dead_letter", "id")


async def test_dead_letters_have_pages_and_require_the_scope_admin(
    noter: Noter, venue: Venue, exchange: Stack, admin_key: str, http: httpx.AsyncClient
) -> None:
    bad = venue.user()
    noter.refuse(f"events.{bad.account_id}.order")
    for _ in range(5):
        await publish(venue, bad)
    key = {"X-API-Key": admin_key}

    def first_page() -> dict[str, Any] | None:
        response = httpx.get(
            f"{exchange.url}{LETTERS}",
            params={"limit": 2, "function": noter.name},
            headers=key,
            timeout=DEADLINE_S,
        )
        assert response.status_code == 200, response.text
        page: dict[str, Any] = response.json()
        return page if len(page["items"]) == 2 and page["next_cursor"] else None

    page = eventually(first_page, "a full page")
    ids = [item["id"] for item in page["items"]]
    while page["next_cursor"] is not None or len(ids) < 5:
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
        response = await http.get(LETTERS, params={"limit": 2, "function": noter.name, **cursor}, headers=key)
        page = response.json()
        ids = sorted({*ids, *(item["id"] for item in page["items"])})
    assert len(ids) == 5
    refusal(await http.get(LETTERS, headers=bad.key), 403, "scope_required")
    refusal(await http.post(f"{LETTERS}/{ids[0]}/replay", headers=bad.key), 403, "scope_required")
    wrong = await http.get(LETTERS, params={"function": "no*name"}, headers=key)
    assert wrong.status_code == 422
    assert (await http.post(f"{LETTERS}/{10**9}/replay", headers=key)).status_code == 404
    noter.refuse()
    assert cift(exchange, admin_key, "dlq", "replay", "--all", "--function", noter.name)[0] == 0


async def test_replay_fails_for_a_handler_without_deliveries(
    venue: Venue, platform: Platform, admin_key: str
) -> None:
    vector = json.loads((LETTER.with_suffix(".json")).read_text())
    headers = {**vector["letter"], "ce-cift-function": "testing.absent", "Nats-Msg-Id": "testing.absent/1"}
    js = await platform.nats.jetstream()
    await js.publish("dlq.main.testing.absent", LETTER.with_suffix(".batch").read_bytes(), headers=headers)
    (kept,) = await dead_letters.page(platform.nats, "main", "testing.absent", 0, 5)
    response = await venue.call(None, "POST", f"{LETTERS}/{kept.id}/replay", None, {"X-API-Key": admin_key})
    refusal(response, 503, "handler_away")
    await js.delete_msg(dead_letter.STREAM, kept.id)


def test_dlq_replay_requires_an_id_or_all(exchange: Stack, admin_key: str) -> None:
    for arguments in ((), ("--id", "1", "--all")):
        code, error = cift(exchange, admin_key, "dlq", "replay", *arguments)
        assert code == 2 and "--id ID or --all" in error
