"""A function without calls has no pod, the first request starts one, and it scales to zero again."""

import asyncio
import time
from collections.abc import Callable

import httpx

from tests.cluster.release import Release, readers
from tests.target import User

RESPONSE_TIMEOUT_S = 90.0


def test_a_function_starts_from_zero_and_scales_back(
    release: Release, add_figure: Callable[[str], None]
) -> None:
    name, path = "platform-index", "/"
    with httpx.Client(base_url=release.url, timeout=RESPONSE_TIMEOUT_S) as http:
        for _ in range(2):
            release.no_pods(name)
            began = time.monotonic()
            response = http.get(path)
            took = time.monotonic() - began
            assert response.status_code == 200, response.text
            assert response.headers["x-cift-origin"] == "platform.index"
            assert len(release.pods(name)) == 1
            add_figure(f"{name} responded from zero in {took:.2f} s")
        release.no_pods(name)


async def test_ten_functions_start_at_once(
    release: Release, user: User, add_figure: Callable[[str], None]
) -> None:
    """Ten reading functions without pods are called at the same moment."""
    paths = readers()
    chosen = list(paths)[:10]
    assert len(chosen) == 10
    for name in chosen:
        await asyncio.to_thread(release.no_pods, name)

    async def call(http: httpx.AsyncClient, path: str) -> float:
        """Seconds until the response of a client that retries after 503 with Retry-After."""
        began = time.monotonic()
        while (response := await http.get(path, headers=user.key)).status_code == 503:
            assert response.headers["retry-after"] == "1" and time.monotonic() < began + RESPONSE_TIMEOUT_S
            await asyncio.sleep(1)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        return time.monotonic() - began

    async with httpx.AsyncClient(base_url=release.url, timeout=RESPONSE_TIMEOUT_S) as http:
        took = sorted(await asyncio.gather(*(call(http, paths[name]) for name in chosen)))
    add_figure(f"ten cold starts at once: first {took[0]:.2f} s, last {took[-1]:.2f} s")
