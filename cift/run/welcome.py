"""The first user, the first API key, and the text that is printed when the exchange is open."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx

from cift.run.folder import DataFolder

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

QUOTE_TIMEOUT_S = 30.0
SYMBOL = "SPY"
"""The symbol of the printed commands, if it exists."""
SYMBOLS_MAX = 50
DEMO_USERNAME = "demo"
DEMO_EMAIL = "demo@example.com"


class NotWelcome(Exception):
    """The first user or key could not be created; one sentence."""


@dataclass(frozen=True, slots=True)
class Demo:
    """The first user of this exchange."""

    username: str
    password: str


def demo_of(folder: DataFolder) -> Demo | None:
    found = folder.read("demo.json")
    if found is None:
        return None
    return Demo(str(found["username"]), str(found["password"]))


def demo_username(folder: DataFolder) -> str | None:
    """The name of the demonstration account: the first user, whom a folder's first start registers. None in a
    folder restored from a backup, where a user of this name may be a person."""
    if not folder.is_complete:
        return DEMO_USERNAME
    demo = demo_of(folder)
    return demo.username if demo is not None else None


async def make_demo(folder: DataFolder, url: str) -> Demo:
    """Register the first user. The password is stored before, so that it survives an interruption. Raises
    NotWelcome."""
    demo = demo_of(folder)
    if demo is None:
        demo = Demo(DEMO_USERNAME, secrets.token_urlsafe(18))
        folder.write("demo.json", {"username": demo.username, "password": demo.password})
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        answer = await client.post(
            "/api/v1/auth/register",
            json={"email": DEMO_EMAIL, "username": demo.username, "password": demo.password},
        )
    if answer.status_code not in (201, 409):
        raise NotWelcome(f"the first user could not be registered: {answer.text}")
    return demo


async def make_key(demo: Demo, url: str, name: str) -> str:
    """A new API key of the first user. Raises NotWelcome."""
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        login = await client.post(
            "/api/v1/auth/login", json={"username": demo.username, "password": demo.password}
        )
        if login.status_code != 200:
            raise NotWelcome(f"the first user cannot log in: {login.text}")
        answer = await client.post(
            "/api/v1/auth/api-keys",
            json={"name": name, "scopes": ["read", "trade", "funds"]},
            headers={"Authorization": f"Bearer {login.json()['access_token']}"},
        )
    if answer.status_code != 201:
        raise NotWelcome(f"no API key could be created: {answer.text}")
    key: str = answer.json()["key"]
    return key


async def wait_for_quote(url: str) -> str:
    """Wait until a symbol has an ask price, so that the printed commands work at once; returns that symbol.
    Returns after QUOTE_TIMEOUT_S in any case, because the exchange also opens without quotes."""
    market = "/api/v1/market-data"
    deadline = asyncio.get_running_loop().time() + QUOTE_TIMEOUT_S
    known: list[str] = []
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        while asyncio.get_running_loop().time() < deadline:
            answer = await client.get(f"{market}/symbols", params={"limit": SYMBOLS_MAX})
            known = [each["symbol"] for each in answer.json()["items"]] if answer.status_code == 200 else []
            known.sort(key=lambda symbol: symbol != SYMBOL)
            if known:
                answer = await client.get(f"{market}/quotes", params={"symbols": ",".join(known)})
                quotes = answer.json()["items"] if answer.status_code == 200 else []
                quoted = [each["symbol"] for each in quotes if each.get("ask")]
                if quoted:
                    return str(next(symbol for symbol in known if symbol in quoted))
            await asyncio.sleep(0.2)
    return known[0] if known else SYMBOL


def first_start(url: str, key: str, symbol: str = SYMBOL) -> str:
    """The text printed after a first start: its commands work when copied and pasted."""
    order = f'{{"symbol": "{symbol}", "side": "buy", "type": "market", "quantity": "10"}}'
    return f"""
CIFT Markets is open.

  Trade in the browser            {url}
  Every path of the API           {url}/docs
  Your API key (shown once; 100,000 USD of paper money)
      {key}

Place an order, get the positions, get a quote:

  curl -s -H 'X-API-Key: {key}' --json '{order}' {url}/api/v1/trading/orders
  curl -s -H 'X-API-Key: {key}' {url}/api/v1/trading/positions
  curl -s {url}/api/v1/market-data/quote/{quote(symbol, safe="")}

Ctrl-C stops everything; orders, balances and positions stay in the data folder."""


def later_start(url: str, found: messages.StatusAnswer) -> str:
    """The text printed after every later start."""
    return f"""
CIFT Markets is open again with its data: {found["accounts"]} accounts, \
{found["orders"]} open orders, {found["sequence"]} records in the journal.

  Trade in the browser                {url}
  Every path of the API               {url}/docs
  A new API key for the first user    make key

Ctrl-C stops everything."""
