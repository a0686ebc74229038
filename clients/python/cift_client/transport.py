"""Sends requests over HTTP, again where retry.py allows it, and reads responses."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import httpx
from pydantic import ValidationError

from cift_client.calls import Call, Prepared, prepare
from cift_client.errors import OutcomeUnknown, UnexpectedAnswer
from cift_client.model import Model
from cift_client.retry import Attempts, Policy

M = TypeVar("M", bound=Model)
PAGE_LIMIT = 500


def read(response: httpx.Response, model: type[M], request: Prepared) -> M:
    """The body of a successful response.

    Raises:
        OutcomeUnknown: it is not such a body, and the request is a change.
        UnexpectedAnswer: the same for a request that reads.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        message = f"{response.request.url} does not return {model.__name__}: {error}"
        if request.changes:
            raise OutcomeUnknown(message, key=request.key, status=response.status_code) from None
        raise UnexpectedAnswer(message) from None


class Transport:
    """Requests of the synchronous client."""

    def __init__(self, http: httpx.Client, policy: Policy) -> None:
        self._http, self._policy = http, policy

    def model(self, call: Call, model: type[M]) -> M:
        """The body of the response. Raises CiftError."""
        request = prepare(call)
        return read(self._send(request), model, request)

    def content(self, call: Call) -> bytes:
        """The bytes of the response. Raises CiftError."""
        return self._send(prepare(call)).content

    def nothing(self, call: Call) -> None:
        """Send a request whose response has no body. Raises CiftError."""
        self._send(prepare(call))

    def pages(self, call: Call, model: type[M]) -> Iterator[M]:
        """All pages of a list. Raises CiftError."""
        query: dict[str, Any] = {**call.query, "limit": PAGE_LIMIT}
        while True:
            page = self.model(replace(call, query=query), model)
            yield page
            query["cursor"] = page.next_cursor  # type: ignore[attr-defined]
            if query["cursor"] is None:
                return

    def _send(self, request: Prepared) -> httpx.Response:
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
        request = prepare(call)
        return read(await self._send(request), model, request)

    async def content(self, call: Call) -> bytes:
        """The bytes of the response. Raises CiftError."""
        return (await self._send(prepare(call))).content

    async def nothing(self, call: Call) -> None:
        """Send a request whose response has no body. Raises CiftError."""
        await self._send(prepare(call))

    async def pages(self, call: Call, model: type[M]) -> AsyncIterator[M]:
        """All pages of a list. Raises CiftError."""
        query: dict[str, Any] = {**call.query, "limit": PAGE_LIMIT}
        while True:
            page = await self.model(replace(call, query=query), model)
            yield page
            query["cursor"] = page.next_cursor  # type: ignore[attr-defined]
            if query["cursor"] is None:
                return

    async def _send(self, request: Prepared) -> httpx.Response:
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
