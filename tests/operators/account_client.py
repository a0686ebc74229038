"""A client for tests of accounts: queries the engine and trades with the key from the Secret."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx

from cift.kernel.errors import Refused
from cift.platform.stores import Platform
from tests.operators.cluster import Cluster, Object
from tests.stack import User
from tests.venue import TRADING, Venue, refusal

REVOKED_TIMEOUT_S = 60.0
"""The operator must revoke the key, and caches of identities must expire (cift/platform/identity.py: 5 s)."""


class AccountClient:
    """Accounts of one namespace, as the exchange sees them."""

    def __init__(self, cluster: Cluster, namespace: str, venue: Venue, platform: Platform) -> None:
        self.cluster, self.namespace, self.venue, self.platform = cluster, namespace, venue, platform

    async def query(self, account_id: str) -> dict[str, Any]:
        """The account with its positions, from the engine."""
        return await self.platform.engine.query({"account": account_id})

    async def state(self, account_id: str) -> str:
        return str((await self.query(account_id))["account"]["state"])

    async def is_open(self, account_id: str) -> bool:
        try:
            await self.query(account_id)
        except Refused as error:
            assert error.code == "unknown_account"
            return False
        return True

    async def deposits(self, account_id: str) -> list[str]:
        """The deposited amounts, from the ledger in PostgreSQL."""
        await self.platform.database.caught_up(account_id, "project_ledger")
        rows = await self.platform.database.fetch(
            "SELECT amount::text AS amount FROM transactions WHERE account_id = $1 AND kind = 'deposit'",
            account_id,
        )
        return [row["amount"] for row in rows]

    async def valid_keys(self, account_id: str) -> list[str]:
        """Ids of the account's keys that are not revoked."""
        rows = await self.platform.database.fetch(
            "SELECT k.id FROM api_keys k JOIN users u USING (user_id)"
            " WHERE u.account_id = $1 AND k.revoked_at IS NULL",
            account_id,
        )
        return [row["id"] for row in rows]

    def trader(self, resource: Object, secret: str | None = None) -> User:
        """The user who trades with the key in the Secret of a TradingAccount."""
        name = secret or f"{resource['metadata']['name']}-credentials"
        held = self.cluster.secret(name, self.namespace)
        assert held["CIFT_ACCOUNT_ID"] == resource["status"]["accountId"]
        return User("", held["CIFT_ACCOUNT_ID"], "", "", "", "", "", held["CIFT_API_KEY"])

    async def try_key(self, key: str) -> httpx.Response:
        """A request that every valid key may send."""
        headers: Mapping[str, str] = {"X-API-Key": key}
        return await self.venue.http.get(f"{TRADING}/account/buying-power", headers=dict(headers))

    async def until_revoked(self, key: str) -> None:
        """Wait until a key is rejected as revoked. Caches of identities learn of it later than PostgreSQL."""
        deadline = time.monotonic() + REVOKED_TIMEOUT_S
        while (response := await self.try_key(key)).status_code == 200:
            assert time.monotonic() < deadline, "a revoked key still works"
            await asyncio.sleep(0.05)
        refusal(response, 401, "api_key_revoked")

    async def hold(self, holder: User, symbol: str, quantity: str = "3") -> User:
        """Let the holder buy from a new user. Returns that user, who is short then."""
        other = self.venue.user()
        await self.venue.order(other, symbol, side="sell", quantity=quantity)
        await self.venue.order(holder, symbol, side="buy", quantity=quantity)
        return other

    async def flatten(self, holder: User, symbol: str, quantity: str = "3") -> None:
        """Let the holder sell what he bought, to a new user."""
        other = self.venue.user()
        await self.venue.order(other, symbol, side="buy", quantity=quantity)
        await self.venue.order(holder, symbol, side="sell", quantity=quantity)
