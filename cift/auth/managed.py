"""Accounts that a resource of Kubernetes manages: whose they are, and the API keys made for them.

The facts are in `users.managed_by` (the resource's uid) and `api_keys.managed_by`. A managed user has no
password that anybody knows. Everything here may be done again, and by two operators at once: who manages
an account changes by compare and set, and a key counts only once it is in the Secret.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from cift.auth import keys, store
from cift.auth.passwords import nobody
from cift.kernel.errors import Conflict
from cift.kernel.ids import uuid5
from cift.platform.identity import API_KEY, Caller, announce_revoked_key
from cift.platform.postgres import Connection, Database
from cift.platform.settings import Settings
from cift.platform.valkey import Valkey

FORGOTTEN_AFTER_S = 600.0
"""A key that is in no Secret after this time was left by an operator that ended in between."""
ADMIN = uuid5("6ba7b811-9dad-11d1-80b4-00c04fd430c8", "cift:operator")
CALLER = Caller(None, "cift-operator", "")
_NAME_TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Manager:
    """A resource that manages an account."""

    uid: str
    name: str
    """namespace/name, for people."""
    cluster: str
    """The uid of the cluster's namespace kube-system."""


@dataclass(frozen=True, slots=True)
class ManagedUser:
    """The user of an account, and who manages it."""

    user_id: str
    managed_by: str | None
    managed_as: str | None
    managed_in: str | None


@dataclass(frozen=True, slots=True)
class ManagedAccount:
    """An account that a resource manages."""

    managed_by: str
    managed_as: str
    account_id: str


async def user_of(account_id: str, database: Database) -> ManagedUser | None:
    async with database.write() as c:
        row = await store.user_of_account(c, account_id)
    if row is None:
        return None
    return ManagedUser(row["user_id"], row["managed_by"], row["managed_as"], row["managed_in"])


async def make_user(account_id: str, manager: Manager, database: Database, settings: Settings) -> None:
    """A user for an account that has none. Raises Conflict where it has one by now."""
    for _ in range(_NAME_TRIES_MAX):
        async with database.write() as c:
            if await store.insert_managed_user(
                c,
                user_id=uuid5(account_id, "user"),
                username=f"ta-{secrets.token_hex(14)}",
                password_hash=nobody(settings.bcrypt_rounds).decode(),
                account_id=account_id,
                managed_by=manager.uid,
                managed_as=manager.name,
                managed_in=manager.cluster,
            ):
                await store.audit(c, "account_managed", CALLER, subject=account_id, by=manager.name)
                return
            if await store.user_of_account(c, account_id) is not None:
                break
    raise Conflict("account_managed", "The account has a user by now")


async def take_user(account_id: str, instead_of: str | None, manager: Manager, database: Database) -> None:
    """Manage an account instead of `instead_of`. Raises Conflict where somebody else does by now."""
    async with database.write() as c:
        if not await store.take_user(
            c,
            account_id,
            instead_of,
            managed_by=manager.uid,
            managed_as=manager.name,
            managed_in=manager.cluster,
        ):
            raise Conflict("account_managed", "Another resource manages the account by now")
        await store.audit(c, "account_managed", CALLER, subject=account_id, by=manager.name)


async def managed_accounts(cluster: str, database: Database) -> list[ManagedAccount]:
    """What resources of this cluster manage, or managed when they were last seen."""
    async with database.write() as c:
        rows = await store.managed_users(c, cluster)
    return [ManagedAccount(row["managed_by"], row["managed_as"], row["account_id"]) for row in rows]


async def managers_named(name: str, cluster: str, database: Database) -> list[str]:
    """Uids of the resources that manage, or managed, an account under this namespace/name."""
    async with database.write() as c:
        return await store.managed_under(c, cluster, name)


async def release(uid: str, database: Database, valkey: Valkey) -> str | None:
    """The resource is gone: its keys end, its account belongs to nobody until it is adopted."""
    async with database.write() as c:
        account_id = await store.release_user(c, uid)
        revoked = await store.revoke_managed_keys(c, uid, None, 0)
        if account_id is not None:
            await store.audit(c, "account_released", CALLER, subject=account_id)
    await _announce(revoked, valkey)
    return account_id


async def refuse_managed(account_id: str, c: Connection) -> None:
    """Raises Conflict `managed_account` where a resource says what the account is."""
    row = await store.user_of_account(c, account_id)
    if row is not None and row["managed_by"] is not None:
        raise Conflict(
            "managed_account",
            f"The account is managed by the TradingAccount {row['managed_as']}: edit that, with kubectl",
        )


# ── keys ────────────────────────────────────────────────────────────────────────────────────────
async def create_key(
    user_id: str, uid: str, name: str, scopes: Iterable[str], database: Database
) -> tuple[str, str]:
    """A new key for the resource's Secret: its id, and the key."""
    id, secret = keys.mint()
    wanted = sorted(set(scopes))
    async with database.write() as c:
        await store.insert_key(
            c,
            id=id,
            user_id=user_id,
            name=name[:64],
            secret_hash=keys.secret_hash(secret),
            scopes=wanted,
            managed_by=uid,
        )
        await store.audit(c, "api_key_created", CALLER, user_id=user_id, subject=id, scopes=wanted)
    return id, keys.whole_key(id, secret)


async def key_is_good(key: str, user_id: str, scopes: Iterable[str], database: Database) -> bool:
    """Whether this key works, for this user, with just these scopes."""
    found = API_KEY.fullmatch(key)
    if found is None:
        return False
    async with database.write() as c:
        row = await store.key_by_id(c, found[1])
    return (
        row is not None
        and row["revoked_at"] is None
        and row["user_id"] == user_id
        and sorted(row["scopes"]) == sorted(set(scopes))
        and hmac.compare_digest(row["secret_hash"], keys.secret_hash(found[2]))
    )


def key_id(key: str) -> str | None:
    """The id in a key, None where it is none."""
    found = API_KEY.fullmatch(key)
    return found[1] if found else None


async def revoke_key(id: str, user_id: str, database: Database, valkey: Valkey) -> None:
    """Revoke one key: the one that lost, of two made at once."""
    async with database.write() as c:
        await store.revoke_key(c, user_id, id)
    await _announce([id], valkey)


async def revoke_keys(uid: str, keep: str | None, database: Database, valkey: Valkey) -> list[str]:
    """Revoke the resource's keys but `keep` (None: all); the ids of those that were."""
    async with database.write() as c:
        revoked = await store.revoke_managed_keys(c, uid, keep, FORGOTTEN_AFTER_S)
        for id in revoked:
            await store.audit(c, "api_key_revoked", CALLER, subject=id)
    await _announce(revoked, valkey)
    return revoked


async def create_operate_key(name: str, database: Database, settings: Settings) -> str:
    """A new API key with the scope `admin`, which no user can give himself."""
    async with database.write() as c:
        await store.insert_operator(
            c, ADMIN, f"op-{secrets.token_hex(14)}", nobody(settings.bcrypt_rounds).decode()
        )
    return (await create_key(ADMIN, ADMIN, name, ("admin",), database))[1]


async def _announce(ids: Iterable[str], valkey: Valkey) -> None:
    for id in ids:
        await announce_revoked_key(valkey, id)
