"""A function that nobody calls has no pod; the first call wakes it; it sleeps again."""

import asyncio
import time
from collections.abc import Callable

import httpx

from tests.cluster.release import Release, sleepers
from tests.target import User

ANSWER_TIMEOUT_S = 90.0


def test_from_zero_and_back(release: Release, tell: Callable[[str], None]) -> None:
    name, path = "platform-index", "/"
    with httpx.Client(base_url=release.url, timeout=ANSWER_TIMEOUT_S) as http:
        for _ in range(2):
            release.no_pods(name)
            began = time.monotonic()
            answer = http.get(path)
            took = time.monotonic() - began
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-cift-origin"] == "platform.index"
            assert len(release.pods(name)) == 1
            tell(f"{name} answered from zero in {took:.2f} s")
        release.no_pods(name)


async def test_ten_are_woken_at_once(release: Release, user: User, tell: Callable[[str], None]) -> None:
    """Ten functions of readers, each asleep, called at the same moment."""
    paths = sleepers()
    chosen = list(paths)[:10]
    assert len(chosen) == 10
    for name in chosen:
        await asyncio.to_thread(release.no_pods, name)

    async def call(http: httpx.AsyncClient, path: str) -> float:
        """Seconds to the answer, as a client has it: a 503 with Retry-After is asked again."""
        began = time.monotonic()
        while (answer := await http.get(path, headers=user.key)).status_code == 503:
            assert answer.headers["retry-after"] == "1" and time.monotonic() < began + ANSWER_TIMEOUT_S
            await asyncio.sleep(1)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return time.monotonic() - began

    async with httpx.AsyncClient(base_url=release.url, timeout=ANSWER_TIMEOUT_S) as http:
        took = sorted(await asyncio.gather(*(call(http, paths[name]) for name in chosen)))
    tell(f"ten functions woken at once: first {took[0]:.2f} s, last {took[-1]:.2f} s")
