"""The sweep: reconciles every resource at a fixed interval, whether or not it changed.

It lists each kind once and spreads the reconciliations at `RECONCILIATIONS_PER_S`. It finds what no watch
event reports: a Secret deleted by hand, limits changed in the engine directly, a resource deleted while no
operator ran. It is not a kopf timer, because kopf puts a finalizer on every resource with a timer.
"""

import asyncio
import base64
import logging
import time

from cift.auth import managed
from cift.kernel.errors import CiftError
from operators import metrics
from operators.conditions import is_true
from operators.context import KINDS, Context
from operators.kube import MANAGER, ApiError, ApiUnavailable, Object, path_of
from operators.trading_account.handlers import KIND as TRADING_ACCOUNTS
from operators.work import Key, WorkQueue

log = logging.getLogger("cift.operator")
RECONCILIATIONS_PER_S = 20.0
RETRY_S = 5.0
ADMIN_SECRET = "cift-admin"  # noqa: S105 (a name)


async def run(context: Context, work: WorkQueue) -> None:
    """Sweep until cancelled."""
    while True:
        began = time.monotonic()
        try:
            await once(context, work)
        except (CiftError, ApiError, ApiUnavailable) as error:
            metrics.sweeps.labels("failed").inc()
            pause = min(RETRY_S, context.settings.sweep_s)
            log.warning("sweep failed, retrying in %.1f s: %s", pause, error)
            await asyncio.sleep(pause)
            continue
        metrics.sweeps.labels("done").inc()
        metrics.swept_at.set_to_current_time()
        await asyncio.sleep(max(0.0, context.settings.sweep_s - (time.monotonic() - began)))


async def once(context: Context, work: WorkQueue) -> None:
    """One sweep. Raises CiftError, ApiError, ApiUnavailable."""
    await ensure_admin_secret(context)
    # The rows are read before the resources. So the resource of each row already existed when its kind was
    # listed, and if it is not in the list, it was deleted.
    rows = await managed.managed_accounts(await context.cluster(), context.platform.database)
    account_uids: set[str] = set()
    for kind, name in KINDS.items():
        found = await _list(context, kind)
        metrics.resources.labels(name).set(len(found))
        metrics.ready.labels(name).set(sum(is_true(each.get("status") or {}, "Ready") for each in found))
        for position, each in enumerate(found):
            meta = each["metadata"]
            if kind == TRADING_ACCOUNTS:
                account_uids.add(meta["uid"])
            work.add(Key(kind, meta["namespace"], meta["name"]), position / RECONCILIATIONS_PER_S)
    for row in rows:
        if row.managed_by not in account_uids and _watched(context, row.managed_as.partition("/")[0]):
            await managed.release(row.managed_by, context.platform.database, context.platform.valkey)
            metrics.orphans.inc()
            log.info("released an account: its resource no longer exists", extra={"resource": row.managed_as})


async def _list(context: Context, kind: str) -> list[Object]:
    found: list[Object] = []
    for namespace in context.settings.namespaces or (None,):
        found += await context.kube.list(path_of(kind, namespace))
    return found


def _watched(context: Context, namespace: str) -> bool:
    return not context.settings.namespaces or namespace in context.settings.namespaces


async def ensure_admin_secret(context: Context) -> None:
    """Keep a key with the scope `admin` in our own namespace, for `kubectl cift halt`.

    Raises CiftError, ApiError, ApiUnavailable."""
    namespace, database = context.settings.namespace, context.platform.database
    path = path_of("secrets", namespace)
    found = await context.kube.get(f"{path}/{ADMIN_SECRET}")
    version = found["metadata"]["resourceVersion"] if found is not None else None
    if found is not None:
        try:
            key = base64.b64decode((found.get("data") or {}).get("CIFT_API_KEY", "")).decode("ascii")
        except ValueError:
            key = ""
        if await managed.key_is_good(key, managed.ADMIN, ("admin",), database):
            return
    key = await managed.create_admin_key("kubernetes", database, context.platform.settings)
    data = {"CIFT_API_KEY": key, **({"CIFT_URL": context.settings.url} if context.settings.url else {})}
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": ADMIN_SECRET,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": MANAGER},
            **({"resourceVersion": version} if version else {}),
        },
        "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()},
    }
    try:
        if version is None:
            await context.kube.create(path, secret, "secret")
        else:
            await context.kube.apply(f"{path}/{ADMIN_SECRET}", secret, "secret")
    except ApiError as error:
        key_id = managed.key_id(key)
        assert key_id is not None, "a new key has an id"
        await managed.revoke_key(key_id, managed.ADMIN, database, context.platform.valkey)
        if error.status != 409:  # 409: another operator wrote it
            raise
