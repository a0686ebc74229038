"""The two clients. Both have all operations of the API by group: `client.trading.place_order(…)`."""

import os
from typing import Any, Self

import httpx

from cift_client.frames import Frames
from cift_client.operations_gen import AsyncGroups, Groups
from cift_client.retry import Policy
from cift_client.streams import Stream
from cift_client.transport import AsyncTransport, Transport

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 15.0


class Client(Groups):
    """The API of an exchange, synchronous.

    Args:
        url: of the exchange; default: the environment's CIFT_URL, else a local exchange.
        api_key: default: the environment's CIFT_API_KEY. Without a credential only public operations work.
        access_token: of `auth.login`, instead of a key.
        policy: when requests are sent again; see retry.py.

    Raises:
        ValueError: the url is not one of HTTP.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        access_token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        policy: Policy | None = None,
    ) -> None:
        self.url = _url(url)
        headers = _credential(api_key, access_token)
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=timeout_s)
        super().__init__(Transport(self._http, policy or Policy()))
        self.frames = Frames(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()


class AsyncClient(AsyncGroups):
    """The same for asyncio, with the streams."""

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        access_token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        policy: Policy | None = None,
    ) -> None:
        self.url = _url(url)
        self._headers = _credential(api_key, access_token)
        self._http = httpx.AsyncClient(base_url=self.url, headers=self._headers, timeout=timeout_s)
        super().__init__(AsyncTransport(self._http, policy or Policy()))

    def stream(self, *, since: str | None = None, **channels: Any) -> Stream:
        """Live messages, from now on or after the message `since`. Use it with `async with`, or iterate.

        Args:
            channels: the symbols of `quotes`, `trades`, `bars` and `book`, one or a list; True for `orders`
                and `fills`, which are those of the key's account.
        """
        return Stream(self.url, self._headers, channels, since)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()


def _url(url: str | None) -> str:
    found = (url or os.environ.get("CIFT_URL") or DEFAULT_URL).rstrip("/")
    if not found.startswith(("http://", "https://")):
        raise ValueError(f"the exchange's address {found!r} must begin with http:// or https://")
    return found


def _credential(api_key: str | None, access_token: str | None) -> dict[str, str]:
    if access_token is not None:
        return {"Authorization": f"Bearer {access_token}"}
    key = api_key or os.environ.get("CIFT_API_KEY")
    return {"X-API-Key": key} if key else {}
