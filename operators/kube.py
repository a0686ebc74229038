"""A client of the API server: get, list, create, server-side apply.

kopf offers no client for requests of our own; this one logs in with kopf's credentials. All writes pass one
token bucket (`writes_per_s`): first those that change something, then the events about them. Reads are
limited only by the number of workers.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import aiohttp
import kopf

from operators import metrics

log = logging.getLogger("cift.operator")

Object = dict[str, Any]
GROUP_VERSION = "cift.markets/v1alpha1"
MANAGER = "cift-operator"
REQUEST_TIMEOUT_S = 15.0
LIST_PAGE = 500
LOGIN_AGAIN_S = 60.0
"""The kubelet replaces a service account's token. After this time it is read again."""
_APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server rejected the request."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


class ApiUnavailable(Exception):
    """The API server does not answer or is busy. Retry."""


class Limiter:
    """A token bucket with two queues. Urgent callers come first; each queue is FIFO."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._burst = max(1.0, per_s)
        self._tokens = self._burst
        self._at = time.monotonic()
        self._lanes: tuple[deque[asyncio.Future[None]], deque[asyncio.Future[None]]] = (deque(), deque())
        self._task: asyncio.Task[None] | None = None

    async def take(self, *, urgent: bool) -> None:
        """Wait for a token."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lanes[0 if urgent else 1].append(turn)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._grant())
        await turn

    async def _grant(self) -> None:
        while self._lanes[0] or self._lanes[1]:
            now = time.monotonic()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_s)
            self._at = now
            if self._tokens < 1:
                await asyncio.sleep((1 - self._tokens) / self._per_s)
                continue
            turn = (self._lanes[0] or self._lanes[1]).popleft()
            if not turn.done():  # its caller may have been cancelled
                self._tokens -= 1
                turn.set_result(None)


def path_of(kind: str, namespace: str | None, name: str | None = None, sub: str | None = None) -> str:
    """The URL path of one of our own kinds (`tradingaccounts`, `marketstreams`), `secrets` or `events`."""
    base = f"/apis/{GROUP_VERSION}" if kind in ("tradingaccounts", "marketstreams") else "/api/v1"
    parts = [base, *(["namespaces", namespace] if namespace else []), kind, *([name] if name else [])]
    return "/".join([*parts, *([sub] if sub else [])])


class Kube:
    """One client of one API server."""

    def __init__(self, writes_per_s: float) -> None:
        self._limiter = Limiter(writes_per_s)
        self._session: aiohttp.ClientSession | None = None
        self._server = ""
        self._headers: dict[str, str] = {}
        self._login_until = 0.0

    def _login(self) -> aiohttp.ClientSession:
        if self._session is not None and time.monotonic() < self._login_until:
            return self._session
        settings = kopf.OperatorSettings()
        found = kopf.login_with_service_account(settings=settings)
        if found is None:
            found = kopf.login_with_kubeconfig(settings=settings)
        if found is None:
            raise ApiUnavailable("no API server: neither a service account nor KUBECONFIG names one")
        self._server, self._headers = found.server.rstrip("/"), found.as_http_headers()
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=found.as_ssl_context(), limit=16),
                timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
            )
        self._login_until = time.monotonic() + LOGIN_AGAIN_S
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "",
    ) -> Object:
        session = self._login()
        headers = dict(self._headers)
        if content_type:
            headers["Content-Type"] = content_type
        try:
            async with session.request(
                method, self._server + path, json=body, params=query or {}, headers=headers
            ) as response:
                content = await response.json(content_type=None)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ApiUnavailable(f"{method} {path}: {error!r}") from error
        if status == 401:
            self._login_until = 0.0
        if status >= 500 or status in (401, 429):
            raise ApiUnavailable(f"{method} {path}: {status}")
        if status >= 400:
            problem = content if isinstance(content, dict) else {}
            raise ApiError(status, str(problem.get("reason", "")), str(problem.get("message", "")))
        found: Object = content
        return found

    async def get(self, path: str) -> Object | None:
        """The object, None if there is none. Raises ApiError, ApiUnavailable."""
        try:
            return await self._request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    async def list(self, path: str) -> list[Object]:
        """All objects of a collection, as of one resource version. Raises ApiError, ApiUnavailable."""
        items: list[Object] = []
        more = ""
        while True:
            query = {"limit": str(LIST_PAGE), **({"continue": more} if more else {})}
            page = await self._request("GET", path, query)
            items += page.get("items") or []
            more = (page.get("metadata") or {}).get("continue") or ""
            if not more:
                return items

    async def create(self, path: str, body: Object, what: str, *, urgent: bool = True) -> Object:
        """Create an object; `what` labels the metric. Raises ApiError (409: it exists), ApiUnavailable."""
        await self._limiter.take(urgent=urgent)
        metrics.writes.labels(what).inc()
        return await self._request("POST", path, {"fieldManager": MANAGER}, body, "application/json")

    async def apply(self, path: str, body: Object, what: str, manager: str = MANAGER) -> Object:
        """Server-side apply: takes ownership of the fields in `body` and leaves all others.

        `metadata.uid` and `resourceVersion` in the body are preconditions (409). Raises ApiError,
        ApiUnavailable."""
        await self._limiter.take(urgent=True)
        metrics.writes.labels(what).inc()
        query = {"fieldManager": manager, "force": "true"}
        return await self._request("PATCH", path, query, body, _APPLY)
