"""Pages of JSON from a provider's REST interface: deadlines, a few tries, and its reason where it says no.

429 and 5xx are tried again, after `Retry-After` or a doubling pause, `TRIES_MAX` times. Credentials go
in headers, never in an address, because addresses are told in errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from cift.feeds.feed import Lost, Rejected
from cift.feeds.socket import one_line

if TYPE_CHECKING:
    import httpx

TIMEOUT_S = 20.0
TRIES_MAX = 5
PAUSE_FIRST_S = 0.5
PAUSE_MAX_S = 60.0


class Pages:
    """One client of a provider; `async with`."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        import httpx

        self._base_url = base_url
        self._client: httpx.AsyncClient = httpx.AsyncClient(
            base_url=base_url, headers=dict(headers), timeout=TIMEOUT_S, follow_redirects=False
        )

    async def __aenter__(self) -> Pages:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """One page. `path` may be a whole address that the provider gave, on its own host.

        Raises:
            Rejected: it says no (401, 403, another 4xx), in its words.
            Lost: it cannot be reached, or is busy too long.
        """
        import httpx

        if "://" in path and not path.startswith(self._base_url + "/"):
            raise Rejected("the next page is on another host; our key is not for it")
        pause_s, said = PAUSE_FIRST_S, ""
        for attempt in range(TRIES_MAX):
            if attempt:
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
            try:
                answer = await self._client.get(path, params=dict(parameters) if parameters else None)
            except httpx.HTTPError as problem:
                said = one_line(problem)
                continue
            if answer.status_code == 429 or answer.status_code >= 500:
                said = f"{answer.status_code} {_reason(answer)}"
                pause_s = _retry_after(answer, pause_s)
                continue
            if answer.status_code != 200:
                raise Rejected(f"{_reason(answer)} ({answer.status_code})")
            try:
                page = orjson.loads(answer.content)
            except orjson.JSONDecodeError as problem:
                raise Lost(f"{self._base_url} answers what is no JSON") from problem
            if not isinstance(page, dict):
                raise Lost(f"{self._base_url} answers no page")
            return page
        raise Lost(f"{self._base_url} does not answer: {said}")


def _retry_after(answer: httpx.Response, otherwise_s: float) -> float:
    given = answer.headers.get("retry-after", "")
    return min(float(given), PAUSE_MAX_S) if given.isdigit() else otherwise_s


def _reason(answer: httpx.Response) -> str:
    """The provider's own words."""
    try:
        body = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        body = None
    if isinstance(body, dict):
        for name in ("message", "error"):
            if isinstance(body.get(name), str):
                return one_line(body[name])
    return one_line(answer.reason_phrase or "no reason")
