"""JSON pages from a provider's REST API: timeouts, retries, and the provider's reason for a rejection.

429 and 5xx are retried, after `Retry-After` or a doubling pause, `TRIES_MAX` times in all. Credentials
are sent in headers, never in a URL, because URLs appear in error messages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from cift.feeds.feed import FeedRejected, FeedUnavailable
from cift.feeds.socket import one_line

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 20.0
TRIES_MAX = 5
PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 60.0


class RestClient:
    """A client of one provider; `async with`."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        import httpx

        self._base_url = base_url
        self._client: httpx.AsyncClient = httpx.AsyncClient(
            base_url=base_url, headers=dict(headers), timeout=TIMEOUT_S, follow_redirects=False
        )

    async def __aenter__(self) -> RestClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """One page. `path` can be a whole URL from the provider, on its own host.

        Raises:
            FeedRejected: the provider rejects the request (401, 403, another 4xx); the message is its reason.
            FeedUnavailable: it cannot be reached, or fails `TRIES_MAX` times.
        """
        import httpx

        if "://" in path and not path.startswith(self._base_url + "/"):
            raise FeedRejected("the next page is on another host; the key is not sent there")
        pause_s, reason = PAUSE_FIRST_S, ""
        for attempt in range(TRIES_MAX):
            if attempt:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
            try:
                response = await self._client.get(path, params=dict(parameters) if parameters else None)
            except httpx.HTTPError as problem:
                reason = one_line(problem)
                continue
            if response.status_code == 429 or response.status_code >= 500:
                reason = f"{response.status_code} {_reason(response)}"
                pause_s = _retry_after(response, pause_s)
                continue
            if response.status_code != 200:
                raise FeedRejected(f"{_reason(response)} ({response.status_code})")
            try:
                page = orjson.loads(response.content)
            except orjson.JSONDecodeError as problem:
                raise FeedUnavailable(f"the response of {self._base_url} is not JSON") from problem
            if not isinstance(page, dict):
                raise FeedUnavailable(f"the response of {self._base_url} is not a JSON object")
            return page
        raise FeedUnavailable(f"{self._base_url} failed {TRIES_MAX} times: {reason}")


def _retry_after(response: httpx.Response, default_s: float) -> float:
    given = response.headers.get("retry-after", "")
    return min(float(given), PAUSE_MAX_S) if given.isdigit() else default_s


def _reason(response: httpx.Response) -> str:
    """The provider's own text."""
    try:
        body = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        for name in ("message", "error"):
            if isinstance(body.get(name), str):
                return one_line(body[name])
    return one_line(response.reason_phrase or "no reason")
