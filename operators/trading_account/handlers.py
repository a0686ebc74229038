"""TradingAccount, observed and acted upon: `ensure()` makes the account what the resource declares."""

import base64
import logging
import time
from collections.abc import Mapping
from typing import Any

import kopf

from cift.auth import managed
from cift.auth.managed import Manager
from cift.kernel.clock import now_ns, to_datetime
from cift.kernel.errors import CiftError, Conflict, OutcomeUnknown, Refused, Unavailable
from cift.kernel.money import format_nanos
from cift.portfolio import store as portfolio
from operators import conditions, metrics
from operators.conditions import Condition
from operators.context import Context
from operators.kube import MANAGER, ApiError, ApiUnavailable, Object, path_of
from operators.trading_account import plan as plans
from operators.trading_account import report
from operators.trading_account.plan import Credentials, Desired, Observed
from operators.work import Again, Key

log = logging.getLogger("cift.operator")
KIND = "tradingaccounts"
ROUNDS_MAX = 6
AGAIN_BLOCKED_S = 5.0
"""What stands in the way may go at any time, and nobody tells us."""
ROTATION_MARK, ISSUED_MARK = "cift.markets/rotation", "cift.markets/issued-at"


@kopf.on.event("cift.markets", "v1alpha1", KIND)
async def changed(event: Any, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Something happened to a resource, or it was listed at the start: look at it, if it may matter."""
    meta = body["metadata"]
    key = Key(KIND, meta["namespace"], meta["name"])
    annotations = meta.get("annotations") or {}
    mark = (
        meta["uid"],
        meta["generation"],
        meta.get("deletionTimestamp"),
        tuple(meta.get("finalizers") or ()),
        annotations.get(plans.ROTATE_ANNOTATION),
    )
    memo.watch.saw(key, None if event["type"] == "DELETED" else mark)


async def ensure(context: Context, key: Key) -> None:
    """One look at a resource, and what follows.

    Raises:
        Again: something stands in the way.
        CiftError, ApiError, ApiUnavailable: to be tried again.
    """
    body = await context.resource(key)
    if body is None:
        await release_gone(context, f"{key.namespace}/{key.name}")
        return
    began = time.monotonic()
    outcome = "failed"
    try:
        outcome = await _Look(context, key, body).ensure()
    finally:
        metrics.ensured.labels("TradingAccount", outcome).inc()
        metrics.ensure_seconds.labels("TradingAccount").observe(time.monotonic() - began)
    if outcome == "blocked":
        raise Again(AGAIN_BLOCKED_S)


async def release_gone(context: Context, name: str, but: str | None = None) -> None:
    """Let go of what resources of this name managed that are gone (all but the uid `but`)."""
    cluster, platform = await context.cluster(), context.platform
    for uid in await managed.managers_named(name, cluster, platform.database):
        if uid != but:
            await managed.release(uid, platform.database, platform.valkey)
            metrics.orphans.inc()


class _Look:
    """One look at one resource."""

    def __init__(self, context: Context, key: Key, body: Object) -> None:
        self.context, self.key, self.body = context, key, body
        self.wanted: Desired = plans.desired_of(body)
        self.platform = context.platform

    async def ensure(self) -> str:
        """Take steps until none are left, then write the status; settled or blocked."""
        if not (self.body.get("status") or {}).get("accountId"):
            await release_gone(self.context, self.wanted.name, self.wanted.uid)
        refused: dict[str, Condition] = {}
        try:
            for _ in range(ROUNDS_MAX):
                seen = await self.observe()
                todo = plans.plan(self.wanted, seen)
                if not todo.steps or refused:
                    break
                for step in todo.steps:
                    metrics.steps.labels("TradingAccount", type(step).__name__).inc()
                    if isinstance(step, plans.SetFinalizer) and self.wanted.deleting:
                        await self.act(step)
                        return "settled"  # it is gone, or waits for others
                    try:
                        await self.act(step)
                    except Refused as error:
                        where = _condition_of(step)
                        reason = "".join(word.capitalize() for word in error.code.split("_"))
                        refused[where] = conditions.no(where, reason, error.message)
                        break
                self.wanted = await self._fresh()
            else:
                raise Again(1.0)
        except (Unavailable, OutcomeUnknown, ApiUnavailable) as error:
            await self._tell_unreachable(error)
            raise
        left = plans.Plan(todo.steps, {**todo.blocked, **refused})
        found = report.conditions(self.wanted, seen, left)
        before = (self.body.get("status") or {}).get("conditions") or []
        stamped = conditions.stamped(found, before, self.wanted.generation, now_ns())
        ready = found[0]
        status = report.status(self.wanted, seen, stamped, ready)
        if await self.context.write_status(self.key, self.body, status):
            self.context.tell_news(self.body, found)
            if ready.status == "True" and not conditions.is_true(self.body.get("status") or {}, "Ready"):
                self.context.recorder.tell(self.body, "Ready", "The account is as declared")
        return "settled" if ready.status == "True" else "blocked"

    async def _fresh(self) -> Desired:
        """The resource may have changed under the steps: what is decided next is decided about the newest."""
        body = await self.context.resource(self.key)
        if body is None or body["metadata"]["uid"] != self.wanted.uid:
            raise Again(0.0)
        self.body = body
        return plans.desired_of(body)

    async def _tell_unreachable(self, error: Exception) -> None:
        """Say why a spec could not be looked at. What was settled stays so: an outage undoes nothing."""
        status = dict(self.body.get("status") or {})
        if status.get("observedGeneration") == self.wanted.generation or isinstance(error, ApiUnavailable):
            return
        code = error.code if isinstance(error, CiftError) else "unavailable"
        reason = "".join(word.capitalize() for word in code.split("_"))
        found = report.unreachable(reason, f"{error}; it is tried again")
        before = status.get("conditions") or []
        status["conditions"] = conditions.stamped(found, before, self.wanted.generation, now_ns())
        status.setdefault("phase", "Pending")
        # observedGeneration stays: this spec has not been looked at.
        if status["conditions"] != before:
            await self.context.write_status(self.key, self.body, status)

    # ── what is ─────────────────────────────────────────────────────────────────────────────────
    async def observe(self) -> Observed:
        wanted, database = self.wanted, self.platform.database
        ledger = None
        try:
            ledger = plans.ledger_of(await self.platform.engine.query({"account": wanted.account_id}))
        except Refused as error:
            if error.code != "unknown_account":
                raise
        user = await managed.user_of(wanted.account_id, database)
        works_for = user.user_id if user is not None and user.managed_by == wanted.uid else None
        taken, found = await self._secret(works_for)
        return Observed(
            ledger=ledger,
            funded=await self._is_funded(ledger is not None),
            user=user,
            holder_gone=await self._is_gone(user),
            secret_taken=taken,
            credentials=found,
            streams_missing=await self.context.streams_missing(),
        )

    async def _is_funded(self, is_open: bool) -> bool:
        wanted = self.wanted
        if wanted.starting_cash == 0:
            return True
        if not is_open:
            return False
        status = self.body.get("status") or {}
        if status.get("accountId") == wanted.account_id and conditions.is_true(status, "LedgerReady"):
            return True  # we said so when we had seen it
        database = self.platform.database
        await database.caught_up(wanted.account_id, "project_ledger")
        async with database.read(wanted.account_id) as c:
            transfer = plans.starting_cash_of(wanted.uid)
            return await portfolio.has_transfer(c, wanted.account_id, transfer)

    async def _is_gone(self, user: managed.ManagedUser | None) -> bool:
        """Whether the other resource that manages the account is certain not to exist."""
        if user is None or user.managed_by in (None, self.wanted.uid) or user.managed_as is None:
            return False
        if user.managed_in != await self.context.cluster():
            return False
        namespace, _, name = user.managed_as.partition("/")
        try:
            found = await self.context.resource(Key(KIND, namespace, name))
        except ApiError:
            return False  # where we may not look
        return found is None or found["metadata"]["uid"] != user.managed_by

    async def _secret(self, user_id: str | None) -> tuple[str | None, Credentials | None]:
        wanted = self.wanted
        found = await self.context.kube.get(path_of("secrets", self.key.namespace, wanted.secret_name))
        if found is None:
            return None, None
        meta = found["metadata"]
        if all(owner.get("uid") != wanted.uid for owner in meta.get("ownerReferences") or ()):
            return (
                f"There is a Secret {wanted.secret_name} that is not this resource's: delete it, or choose"
                " credentials.secretName in another TradingAccount",
                None,
            )
        key = _decoded((found.get("data") or {}).get("CIFT_API_KEY"))
        marks = meta.get("annotations") or {}
        works = user_id is not None and await managed.key_is_good(
            key, user_id, wanted.scopes, self.platform.database
        )
        key_id = managed.key_id(key)
        if works and key_id is not None:
            # What another operator, or one that crashed, left behind.
            await managed.revoke_keys(wanted.uid, key_id, self.platform.database, self.platform.valkey)
        return None, Credentials(
            key=key,
            key_id=key_id or "",
            rotation=marks.get(ROTATION_MARK, ""),
            issued_at=marks.get(ISSUED_MARK, ""),
            works=works,
            resource_version=meta["resourceVersion"],
        )

    # ── what is done ────────────────────────────────────────────────────────────────────────────
    async def act(self, step: plans.Step) -> None:
        """Take one step. Raises Refused, Unavailable, OutcomeUnknown, Again, ApiError, ApiUnavailable."""
        engine, database, tell = self.platform.engine, self.platform.database, self.context.recorder.tell
        manager = Manager(self.wanted.uid, self.wanted.name, await self.context.cluster())
        match step:
            case plans.OpenAccount(account, kind, currency):
                command = {"type": "open_account", "account": account, "kind": kind, "role": "customer"}
                try:
                    await engine.submit({**command, "currency": currency})
                    tell(self.body, "AccountOpened", f"Opened the {kind} account {account}")
                except Refused as error:
                    if error.code != "account_exists":
                        raise
            case plans.Fund(account, transfer, amount, currency):
                deposit = {"type": "deposit", "account": account, "transfer": transfer, "amount": amount}
                done = await engine.submit({**deposit, "idempotency_key": "starting-cash"})
                if not done.repeated:
                    cash = f"{format_nanos(amount, 2)} {currency}"
                    tell(self.body, "AccountFunded", f"Paid in the starting cash of {cash}")
            case plans.MakeUser(account):
                try:
                    await managed.make_user(account, manager, database, self.platform.settings)
                except Conflict:
                    pass  # another operator did: seen in the next round
            case plans.TakeUser(account, instead_of):
                try:
                    await managed.take_user(account, instead_of, manager, database)
                    tell(self.body, "AccountAdopted", f"Adopted the account {account}")
                except Conflict:
                    pass
            case plans.SetLimits(account, limits):
                await engine.submit({"type": "set_limits", "account": account, "limits": dict(limits)})
                tell(self.body, "LimitsSet", f"Set the limits: {_limits_in_words(limits)}")
            case plans.SetState(account, state):
                await engine.submit({"type": "set_account_state", "account": account, "state": state})
                tell(self.body, "StateSet", f"Set the account's state to {plans.STATE_NAMES[state]}")
            case plans.CancelOrders(account):
                cancel = {"type": "cancel_all", "account": account, "symbol": None}
                done = await engine.submit(cancel)
                tell(self.body, "OrdersCanceled", f"Canceled {done.affected} open orders")
            case plans.IssueKey(user_id, replaces, why):
                await self._issue_key(user_id, replaces, why)
            case plans.SetFinalizer(present):
                await self.context.set_finalizer(self.key, self.body, plans.FINALIZER, present=present)
            case plans.Release(uid):
                account_id = await managed.release(uid, database, self.platform.valkey)
                if account_id is not None:
                    tell(self.body, "AccountReleased", f"Let go of the account {account_id}, ended its keys")

    async def _issue_key(self, user_id: str, replaces: str | None, why: str) -> None:
        """A key counts once it is in the Secret. Of two operators one writes it; the other's key ends."""
        wanted, kube, database = self.wanted, self.context.kube, self.platform.database
        key_id, key = await managed.create_key(
            user_id, wanted.uid, f"kubernetes {wanted.name}", wanted.scopes, database
        )
        secret = self._secret_with(key, replaces)
        path = path_of("secrets", self.key.namespace)
        try:
            if replaces is None:
                await kube.create(path, secret, "secret")
            else:
                await kube.apply(f"{path}/{wanted.secret_name}", secret, "secret")
        except ApiError as error:
            await managed.revoke_key(key_id, user_id, database, self.platform.valkey)
            if error.status == 409:
                raise Again(0.2) from None
            raise
        await managed.revoke_keys(wanted.uid, key_id, database, self.platform.valkey)
        sentence = f"The Secret {wanted.secret_name} holds the new key {key_id}"
        if replaces is not None:
            sentence += "; the old one is revoked"
        self.context.recorder.tell(self.body, why, sentence)

    def _secret_with(self, key: str, replaces: str | None) -> Object:
        wanted, url = self.wanted, self.context.settings.url
        data = {
            "CIFT_API_KEY": key,
            "CIFT_ACCOUNT_ID": wanted.account_id,
            **({"CIFT_URL": url} if url else {}),
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {
                "name": wanted.secret_name,
                "namespace": self.key.namespace,
                "labels": {
                    "app.kubernetes.io/managed-by": MANAGER,
                    "cift.markets/tradingaccount": self.key.name,
                },
                "annotations": {
                    ROTATION_MARK: wanted.rotation,
                    ISSUED_MARK: f"{to_datetime(now_ns()):%Y-%m-%dT%H:%M:%SZ}",
                },
                "ownerReferences": [
                    {
                        "apiVersion": self.body["apiVersion"],
                        "kind": self.body["kind"],
                        "name": self.key.name,
                        "uid": wanted.uid,
                        "controller": True,
                    }
                ],
                **({"resourceVersion": replaces} if replaces else {}),
            },
            "data": {name: base64.b64encode(value.encode()).decode() for name, value in data.items()},
        }


def _condition_of(step: plans.Step) -> str:
    """The condition that a refused step leaves false."""
    match step:
        case plans.SetLimits() | plans.SetState() | plans.CancelOrders():
            return "RiskApplied"
        case plans.IssueKey():
            return "CredentialsReady"
        case _:
            return "LedgerReady"


def _decoded(data: str | None) -> str:
    try:
        return base64.b64decode(data or "").decode("ascii")
    except ValueError:  # edited by hand: no key of ours
        return ""


def _limits_in_words(limits: Mapping[str, Any]) -> str:
    amounts = {"max_order_quantity", "max_order_notional", "max_position", "max_daily_loss"}
    return ", ".join(
        f"{name.replace('_', ' ')} {format_nanos(value) if name in amounts else value}"
        for name, value in limits.items()
        if value is not None
    )
