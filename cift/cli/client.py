"""Requests to the API: credentials, retries, and errors as one line.

An access token is renewed shortly before it expires. A refresh token works once, so the new pair is saved
immediately. Requests that change something carry an idempotency key: after a 503 or a lost connection they
are sent again, and the exchange applies them once.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import quote

import httpx

from cift.cli import credentials
from cift.cli.credentials import Credentials

PREFIX = "/api/v1"
TIMEOUT_S = 15.0
TRIES = 4
RETRY_AFTER_MAX_S = 5.0
RENEW_BEFORE_S = 30.0
PAGE_LIMIT = 500


def segment(symbol: str) -> str:
    """A symbol as one segment of a path: BTC/USD has a slash."""
    return quote(symbol, safe="")


class Failed(Exception):
    """An error as a line for stderr. `code` is the API's, or one of the command line."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Client:
    """The API client of one command."""

    def __init__(self, who: Credentials | None = None) -> None:
        self.who = who or credentials.load()
        self._http = httpx.Client(base_url=self.who.url, timeout=TIMEOUT_S)

    def get(self, path: str, **query: Any) -> Any:
        return self.call("GET", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        public: bool = False,
    ) -> Any:
        """Send a request and return the decoded answer, None for 204. Raises Failed, as `_send`."""
        return _decode(self._send(method, path, body, query, key=key, public=public))

    def content(self, path: str, **query: Any) -> bytes:
        """The body of a file. Raises Failed, as `_send`."""
        answer = self._send("GET", path, None, query)
        if not answer.is_success:
            _decode(answer)
        return answer.content

    def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        query: dict[str, Any] | None,
        *,
        key: str | None = None,
        public: bool = False,
    ) -> httpx.Response:
        """The response to a request.

        Args:
            key: the idempotency key of a change. Requests with a key, and GETs, are sent again after a 503 or
                a lost connection; others are not.

        Raises:
            Failed: the API refused the request, or could not be reached.
        """
        headers = {} if public else self.headers()
        if key is not None:
            headers["Idempotency-Key"] = key
        parameters = {name: str(value) for name, value in (query or {}).items() if value is not None}
        repeatable = method == "GET" or key is not None
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES or not repeatable
            try:
                answer = self._http.request(
                    method, PREFIX + path, json=body, params=parameters, headers=headers
                )
            except httpx.ConnectError:
                self._unreachable()
            except httpx.HTTPError as problem:
                if last:
                    raise Failed("no_answer", f"{self.who.url} gave no answer ({problem})") from None
                time.sleep(0.5)
                continue
            if answer.status_code == 503 and not last:
                time.sleep(_retry_after_s(answer))
                continue
            return answer
        raise AssertionError("the last attempt returns or raises")

    def pages(self, path: str, limit: int, *, public: bool = False, **query: Any) -> list[Any]:
        """The first `limit` items of a list, from as many pages as needed."""
        items: list[Any] = []
        cursor = None
        while len(items) < limit:
            wanted = {**query, "limit": min(PAGE_LIMIT, limit - len(items)), "cursor": cursor}
            page = self.call("GET", path, query=wanted, public=public)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        return items

    def last(self, path: str, limit: int, *, public: bool = False, **query: Any) -> list[Any]:
        """The last `limit` items of a list by `start`, oldest first, from as many pages as needed."""
        items: list[Any] = []
        while len(items) < limit:
            wanted = {**query, "limit": min(PAGE_LIMIT, limit - len(items))}
            found = self.call("GET", path, query=wanted, public=public)["items"]
            items = found + items
            if len(found) < wanted["limit"]:
                break
            query["end"] = found[0]["start"]
        return items

    def login(self, body: dict[str, Any]) -> Credentials:
        """Log in with a name and a password."""
        return self._session(self.call("POST", "/auth/login", body, public=True))

    def headers(self) -> dict[str, str]:
        if self.who.api_key is not None:
            return {"X-API-Key": self.who.api_key}
        if self.who.refresh_token is None:
            raise Failed("not_logged_in", "log in first (cift login), or set CIFT_API_KEY")
        if self.who.expires_at - RENEW_BEFORE_S < time.time():
            try:
                renewed = self.call(
                    "POST", "/auth/refresh", {"refresh_token": self.who.refresh_token}, public=True
                )
            except Failed as problem:
                if problem.code in ("unreachable", "no_answer"):
                    raise
                raise Failed("session_ended", "your session has ended; log in again (cift login)") from None
            self.who = self._session(renewed)
            credentials.save(self.who)
        return {"Authorization": f"Bearer {self.who.access_token}"}

    def _session(self, answer: dict[str, Any]) -> Credentials:
        return replace(
            self.who,
            api_key=None,
            access_token=answer["access_token"],
            refresh_token=answer["refresh_token"],
            expires_at=time.time() + answer["expires_in"],
        )

    def _unreachable(self) -> NoReturn:
        raise Failed(
            "unreachable", f"no exchange answers at {self.who.url}: start it (make run), or set CIFT_URL"
        ) from None


def new_key() -> str:
    """A new idempotency key."""
    return f"cift-{uuid.uuid4().hex}"


def _retry_after_s(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "1")
    return min(float(text), RETRY_AFTER_MAX_S) if text.replace(".", "", 1).isdigit() else 1.0


def _decode(answer: httpx.Response) -> Any:
    if answer.status_code == 204:
        return None
    try:
        content = answer.json()
    except ValueError:
        content = None
    if answer.is_success and content is not None:
        return content
    if isinstance(content, dict) and "code" in content and "message" in content:
        message = str(content["message"])
        if content.get("field"):
            message += f" (field {content['field']})"
        if content.get("id"):
            message += f" (id {content['id']})"
        raise Failed(str(content["code"]), message)
    raise Failed("unexpected_answer", f"HTTP {answer.status_code} from {answer.request.url}, not from CIFT")
