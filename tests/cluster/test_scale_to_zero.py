"""A function that nobody calls has no pod; the first call wakes it; it sleeps again."""

import asyncio
import time
from collections.abc import Callable

import httpx

from tests.cluster.release import Release, functions
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
    paths = {
        name: each["path"]
        for name, each in functions().items()
        if each["kind"] == "http"
        and each["method"] == "GET"
        and "{" not in each["path"]
        and each["scope"] in ("", "read")
        and each["scale"]["min"] == 0
        and name not in ("platform-ready", "market-data-list-quotes")  # the latter wants a query
    }
    chosen = sorted(paths)[:10]
    assert len(chosen) == 10
    for name in chosen:
        await asyncio.to_thread(release.no_pods, name)

    async def call(http: httpx.AsyncClient, path: str) -> tuple[int, float]:
        began = time.monotonic()
        answer = await http.get(path, headers=user.key)
        return answer.status_code, time.monotonic() - began

    async with httpx.AsyncClient(base_url=release.url, timeout=ANSWER_TIMEOUT_S) as http:
        answers = await asyncio.gather(*(call(http, paths[name]) for name in chosen))
    assert {status for status, _ in answers} == {200}, dict(zip(chosen, answers, strict=True))
    took = sorted(seconds for _, seconds in answers)
    tell(f"ten functions woken at once: first {took[0]:.2f} s, last {took[-1]:.2f} s")
