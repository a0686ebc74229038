"""Accounts that a TradingAccount resource of Kubernetes manages: their users and their API keys.

`users.managed_by` and `api_keys.managed_by` hold the resource's uid. Nobody knows the password of a managed
user. Every call here may be repeated, also by two operators at the same time: `managed_by` changes by compare
and set, and a key is in use only once it is in the Secret.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from cift.auth import keys, store
from cift.auth.passwords import unusable_hash
from cift.kernel.errors import Conflict
from cift.kernel.ids import uuid5
from cift.platform.identity import API_KEY, Caller, announce_revoked_key
from cift.platform.postgres import Connection, Database
from cift.platform.settings import Settings
from cift.platform.valkey import Valkey

UNUSED_KEY_MAX_S = 600.0
"""A key that is in no Secret after this time is revoked: the operator that created it ended before it
could store it."""
ADMIN = uuid5("6ba7b811-9dad-11d1-80b4-00c04fd430c8", "cift:admin")
CALLER = Caller(None, "cift-operator", "")
_NAME_TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Manager:
    """A TradingAccount resource that manages an account."""

    uid: str
    name: str
    """namespace/name, for messages."""
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
    """The user of an account, None if it has none."""
    async with database.write() as c:
        row = await store.user_of_account(c, account_id)
    if row is None:
        return None
    return ManagedUser(row["user_id"], row["managed_by"], row["managed_as"], row["managed_in"])


async def make_user(account_id: str, manager: Manager, database: Database, settings: Settings) -> None:
    """Create the user of an account that has none.

    Raises:
        Conflict: `account_managed`: another caller has created one in the meantime.
    """
    for _ in range(_NAME_TRIES_MAX):
        async with database.write() as c:
            if await store.insert_managed_user(
                c,
                user_id=uuid5(account_id, "user"),
                username=f"ta-{secrets.token_hex(14)}",
                password_hash=unusable_hash(settings.bcrypt_rounds).decode(),
                account_id=account_id,
                managed_by=manager.uid,
                managed_as=manager.name,
                managed_in=manager.cluster,
            ):
                await store.audit(c, "account_managed", CALLER, subject=account_id, by=manager.name)
                return
            if await store.user_of_account(c, account_id) is not None:
                break
    raise Conflict("account_managed", "The account already has a user")


async def take_user(account_id: str, instead_of: str | None, manager: Manager, database: Database) -> None:
    """Make `manager` the account's manager in place of `instead_of`.

    Raises:
        Conflict: `account_managed`: the account's manager is no longer `instead_of`.
    """
    async with database.write() as c:
        if not await store.take_user(
            c,
            account_id,
            instead_of,
            managed_by=manager.uid,
            managed_as=manager.name,
            managed_in=manager.cluster,
        ):
            raise Conflict("account_managed", "Another resource manages the account")
        await store.audit(c, "account_managed", CALLER, subject=account_id, by=manager.name)


async def managed_accounts(cluster: str, database: Database) -> list[ManagedAccount]:
    """The accounts that resources of this cluster manage. A resource may have been deleted since."""
    async with database.write() as c:
        rows = await store.managed_users(c, cluster)
    return [ManagedAccount(row["managed_by"], row["managed_as"], row["account_id"]) for row in rows]


async def managers_named(name: str, cluster: str, database: Database) -> list[str]:
    """Uids of the resources with this namespace/name that manage an account, deleted ones included."""
    async with database.write() as c:
        return await store.managed_under(c, cluster, name)


async def release(uid: str, database: Database, valkey: Valkey) -> str | None:
    """Handle a deleted resource: revoke its keys and leave its account without a manager.

    Returns the account's id, None if the resource managed none."""
    async with database.write() as c:
        account_id = await store.release_user(c, uid)
        revoked = await store.revoke_managed_keys(c, uid, None, 0)
        if account_id is not None:
            await store.audit(c, "account_released", CALLER, subject=account_id)
    await _announce(revoked, valkey)
    return account_id


async def refuse_managed(account_id: str, c: Connection) -> None:
    """Raises Conflict `managed_account` if a resource manages the account."""
    row = await store.user_of_account(c, account_id)
    if row is not None and row["managed_by"] is not None:
        raise Conflict(
            "managed_account",
            f"The TradingAccount {row['managed_as']} manages this account: edit that resource with kubectl",
        )


async def create_key(
    user_id: str, uid: str, name: str, scopes: Iterable[str], database: Database
) -> tuple[str, str]:
    """Create a key for the resource's Secret. Returns its id and the key."""
    id, secret = keys.new_id_and_secret()
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
    return id, keys.api_key(id, secret)


async def key_is_good(key: str, user_id: str, scopes: Iterable[str], database: Database) -> bool:
    """Whether the key is valid, belongs to this user and has exactly these scopes."""
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
    """The id in an API key, None if it is not one."""
    found = API_KEY.fullmatch(key)
    return found[1] if found else None


async def revoke_key(id: str, user_id: str, database: Database, valkey: Valkey) -> None:
    """Revoke one key: of two that were created at the same time, the one that is not in the Secret."""
    async with database.write() as c:
        await store.revoke_key(c, user_id, id)
    await _announce([id], valkey)


async def revoke_keys(uid: str, keep: str | None, database: Database, valkey: Valkey) -> list[str]:
    """Revoke the resource's keys except `keep` (None: all of them). Returns the ids of the revoked keys.

    With `keep`, a newer key stays for `UNUSED_KEY_MAX_S`: another operator may be storing it."""
    async with database.write() as c:
        revoked = await store.revoke_managed_keys(c, uid, keep, UNUSED_KEY_MAX_S)
        for id in revoked:
            await store.audit(c, "api_key_revoked", CALLER, subject=id)
    await _announce(revoked, valkey)
    return revoked


async def create_admin_key(name: str, database: Database, settings: Settings) -> str:
    """Create an API key with the scope `admin`, which the API gives to nobody."""
    async with database.write() as c:
        await store.insert_admin(
            c, ADMIN, f"admin-{secrets.token_hex(13)}", unusable_hash(settings.bcrypt_rounds).decode()
        )
    return (await create_key(ADMIN, ADMIN, name, ("admin",), database))[1]


async def _announce(ids: Iterable[str], valkey: Valkey) -> None:
    for id in ids:
        await announce_revoked_key(valkey, id)
