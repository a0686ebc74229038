"""Sends requests over HTTP, again where retry.py allows it, and reads responses."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from cift_client.calls import Call, Prepared, prepare
from cift_client.errors import UnexpectedAnswer
from cift_client.model import Model
from cift_client.retry import Attempts, Policy

M = TypeVar("M", bound=Model)
PAGE_LIMIT = 500


def read(response: httpx.Response, model: type[M]) -> M:
    """The body of a response. Raises UnexpectedAnswer: it is not such a body."""
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswer(f"{response.request.url} does not return {model.__name__}: {error}") from None


class Transport:
    """Requests of the synchronous client."""

    def __init__(self, http: httpx.Client, policy: Policy) -> None:
        self._http, self._policy = http, policy

    def model(self, call: Call, model: type[M]) -> M:
        """The body of the response. Raises CiftError."""
        return read(self._send(call), model)

    def content(self, call: Call) -> bytes:
        """The bytes of the response. Raises CiftError."""
        return self._send(call).content

    def nothing(self, call: Call) -> None:
        """Send a request whose response has no body. Raises CiftError."""
        self._send(call)

    def pages(self, call: Call, model: type[M]) -> Iterator[M]:
        """All pages of a list. Raises CiftError."""
        query: dict[str, Any] = {**call.query, "limit": PAGE_LIMIT}
        while True:
            page = self.model(replace(call, query=query), model)
            yield page
            query["cursor"] = page.next_cursor  # type: ignore[attr-defined]
            if query["cursor"] is None:
                return

    def _send(self, call: Call) -> httpx.Response:
        request = prepare(call)
        attempts = Attempts(request, self._policy, str(self._http.base_url))
        while True:
            try:
                response = self._http.request(**_arguments(request))
                wait_s = attempts.answered(response)
            except httpx.TransportError as error:
                wait_s = attempts.failed(error)
            else:
                if wait_s is None:
                    return response
            time.sleep(wait_s)


class AsyncTransport:
    """Requests of the asynchronous client."""

    def __init__(self, http: httpx.AsyncClient, policy: Policy) -> None:
        self._http, self._policy = http, policy

    async def model(self, call: Call, model: type[M]) -> M:
        """The body of the response. Raises CiftError."""
        return read(await self._send(call), model)

    async def content(self, call: Call) -> bytes:
        """The bytes of the response. Raises CiftError."""
        return (await self._send(call)).content

    async def nothing(self, call: Call) -> None:
        """Send a request whose response has no body. Raises CiftError."""
        await self._send(call)

    async def pages(self, call: Call, model: type[M]) -> AsyncIterator[M]:
        """All pages of a list. Raises CiftError."""
        query: dict[str, Any] = {**call.query, "limit": PAGE_LIMIT}
        while True:
            page = await self.model(replace(call, query=query), model)
            yield page
            query["cursor"] = page.next_cursor  # type: ignore[attr-defined]
            if query["cursor"] is None:
                return

    async def _send(self, call: Call) -> httpx.Response:
        request = prepare(call)
        attempts = Attempts(request, self._policy, str(self._http.base_url))
        while True:
            try:
                response = await self._http.request(**_arguments(request))
                wait_s = attempts.answered(response)
            except httpx.TransportError as error:
                wait_s = attempts.failed(error)
            else:
                if wait_s is None:
                    return response
            await asyncio.sleep(wait_s)


def _arguments(request: Prepared) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.path,
        "params": request.query,
        "json": request.json,
        "headers": request.headers,
    }
