"""What the tests of accounts do with an account: ask the engine, trade by its Secret's key."""

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

REVOKED_TIMEOUT_S = 30.0
"""For the operator to revoke it, and for everybody to know (cift/platform/identity.py: 5 s)."""


class Desk:
    """The exchange's side of a namespace."""

    def __init__(self, cluster: Cluster, namespace: str, venue: Venue, platform: Platform) -> None:
        self.cluster, self.namespace, self.venue, self.platform = cluster, namespace, venue, platform

    async def told(self, account_id: str) -> dict[str, Any]:
        """An account as the engine tells it, with its positions."""
        return await self.platform.engine.query({"account": account_id})

    async def state(self, account_id: str) -> str:
        return str((await self.told(account_id))["account"]["state"])

    async def is_open(self, account_id: str) -> bool:
        try:
            await self.told(account_id)
        except Refused as error:
            assert error.code == "unknown_account"
            return False
        return True

    async def deposits(self, account_id: str) -> list[str]:
        """The amounts paid in, as the ledger has them."""
        await self.platform.database.caught_up(account_id, "project_ledger")
        rows = await self.platform.database.fetch(
            "SELECT amount::text AS amount FROM transactions WHERE account_id = $1 AND kind = 'deposit'",
            account_id,
        )
        return [row["amount"] for row in rows]

    async def live_keys(self, account_id: str) -> list[str]:
        """Ids of the account's keys that work."""
        rows = await self.platform.database.fetch(
            "SELECT k.id FROM api_keys k JOIN users u USING (user_id)"
            " WHERE u.account_id = $1 AND k.revoked_at IS NULL",
            account_id,
        )
        return [row["id"] for row in rows]

    def trader(self, resource: Object, secret: str | None = None) -> User:
        """Who trades by the Secret of a TradingAccount."""
        name = secret or f"{resource['metadata']['name']}-credentials"
        held = self.cluster.secret(name, self.namespace)
        assert held["CIFT_ACCOUNT_ID"] == resource["status"]["accountId"]
        return User("", held["CIFT_ACCOUNT_ID"], "", "", "", "", "", held["CIFT_API_KEY"])

    async def try_key(self, key: str) -> httpx.Response:
        """A question that any good key may ask."""
        headers: Mapping[str, str] = {"X-API-Key": key}
        return await self.venue.http.get(f"{TRADING}/account/buying-power", headers=dict(headers))

    async def until_revoked(self, key: str) -> None:
        """Until a key is refused as revoked: who remembers it learns of it a moment after PostgreSQL."""
        deadline = time.monotonic() + REVOKED_TIMEOUT_S
        while (answer := await self.try_key(key)).status_code == 200:
            assert time.monotonic() < deadline, "a revoked key still works"
            await asyncio.sleep(0.05)
        refusal(answer, 401, "api_key_revoked")

    async def hold(self, holder: User, symbol: str, quantity: str = "3") -> User:
        """Have the holder buy, of somebody else (returned, who is short then)."""
        other = self.venue.user()
        await self.venue.order(other, symbol, side="sell", quantity=quantity)
        await self.venue.order(holder, symbol, side="buy", quantity=quantity)
        return other

    async def flatten(self, holder: User, symbol: str, quantity: str = "3") -> None:
        """Have the holder sell what he holds."""
        other = self.venue.user()
        await self.venue.order(other, symbol, side="buy", quantity=quantity)
        await self.venue.order(holder, symbol, side="sell", quantity=quantity)
