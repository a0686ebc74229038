"""Handlers of TradingAccount. `ensure()` makes the account what the resource declares."""

from __future__ import annotations

import base64
import logging
import time
from typing import TYPE_CHECKING, Any

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
from operators.work import Key, RequeueAfter

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

log = logging.getLogger("cift.operator")
KIND = "tradingaccounts"
ROUNDS_MAX = 6
RECHECK_BLOCKED_S = 5.0
"""No event reports that an obstacle is gone, so a blocked resource is checked again after this time."""
ROTATION_MARK, ISSUED_MARK = "cift.markets/rotation", "cift.markets/issued-at"


@kopf.on.event("cift.markets", "v1alpha1", KIND)
async def changed(event: Any, body: kopf.Body, memo: kopf.Memo, **_: Any) -> None:
    """Queue a resource that was listed at the start, or whose relevant fields changed."""
    meta = body["metadata"]
    key = Key(KIND, meta["namespace"], meta["name"])
    annotations = meta.get("annotations") or {}
    fingerprint = (
        meta["uid"],
        meta["generation"],
        meta.get("deletionTimestamp"),
        tuple(meta.get("finalizers") or ()),
        annotations.get(plans.ROTATE_ANNOTATION),
    )
    memo.watch.saw(key, None if event["type"] == "DELETED" else fingerprint)


async def ensure(context: Context, key: Key) -> None:
    """Reconcile one resource.

    Raises:
        RequeueAfter: the resource is not Ready, or it changed meanwhile. Reconcile it again after this time.
        CiftError, ApiError, ApiUnavailable: retry.
    """
    body = await context.resource(key)
    if body is None:
        await release_gone(context, f"{key.namespace}/{key.name}")
        return
    began = time.monotonic()
    outcome = "failed"
    try:
        outcome = await _Reconciliation(context, key, body).ensure()
    finally:
        metrics.ensured.labels("TradingAccount", outcome).inc()
        metrics.ensure_seconds.labels("TradingAccount").observe(time.monotonic() - began)
    if outcome == "blocked":
        raise RequeueAfter(RECHECK_BLOCKED_S)


async def release_gone(context: Context, name: str, except_uid: str | None = None) -> None:
    """Release the accounts of resources that had this name (namespace/name) and are gone: all of that name
    except the uid `except_uid`."""
    cluster, platform = await context.cluster(), context.platform
    for uid in await managed.managers_named(name, cluster, platform.database):
        if uid != except_uid:
            await managed.release(uid, platform.database, platform.valkey)
            metrics.orphans.inc()


class _Reconciliation:
    """Compares one resource with its account, user and Secret, and takes the steps that are missing."""

    def __init__(self, context: Context, key: Key, body: Object) -> None:
        self.context, self.key, self.body = context, key, body
        self.wanted: Desired = plans.desired_of(body)
        self.platform = context.platform

    async def ensure(self) -> str:
        """Take steps until none are left, then write the status.

        Returns "settled" if the resource is Ready or being deleted, else "blocked".
        """
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
                        return "settled"  # deleted, or kept by the finalizers of other controllers
                    try:
                        await self.act(step)
                    except Refused as error:
                        kind = _condition_of(step)
                        refused[kind] = conditions.unmet(kind, _reason_of(error.code), error.message)
                        break
                self.wanted = await self._fresh()
            else:
                raise RequeueAfter(1.0)
        except (Unavailable, OutcomeUnknown, ApiUnavailable) as error:
            await self._report_unreachable(error)
            raise
        left = plans.Plan(todo.steps, {**todo.blocked, **refused})
        found = report.conditions(self.wanted, seen, left)
        before = (self.body.get("status") or {}).get("conditions") or []
        stamped = conditions.stamped(found, before, self.wanted.generation, now_ns())
        ready = found[0]
        status = report.status(self.wanted, seen, stamped, ready)
        if await self.context.write_status(self.key, self.body, status):
            self.context.record_unmet(self.body, found)
            if ready.status == "True" and not conditions.is_true(self.body.get("status") or {}, "Ready"):
                self.context.recorder.record(self.body, "Ready", "The account is as declared")
        return "settled" if ready.status == "True" else "blocked"

    async def _fresh(self) -> Desired:
        """Reload the resource. It may have changed during the steps; the next plan needs the newest spec."""
        body = await self.context.resource(self.key)
        if body is None or body["metadata"]["uid"] != self.wanted.uid:
            raise RequeueAfter(0.0)
        self.body = body
        return plans.desired_of(body)

    async def _report_unreachable(self, error: Exception) -> None:
        """Set all conditions of a new spec to Unknown. A spec that was reconciled keeps its conditions,
        because what was applied stays in effect during an outage."""
        status = dict(self.body.get("status") or {})
        if status.get("observedGeneration") == self.wanted.generation or isinstance(error, ApiUnavailable):
            return
        code = error.code if isinstance(error, CiftError) else "unavailable"
        found = report.unreachable(_reason_of(code), f"{error}; the operator retries")
        before = status.get("conditions") or []
        status["conditions"] = conditions.stamped(found, before, self.wanted.generation, now_ns())
        status.setdefault("phase", "Pending")
        # observedGeneration stays: this spec is not reconciled yet.
        if status["conditions"] != before:
            await self.context.write_status(self.key, self.body, status)

    async def observe(self) -> Observed:
        wanted, database = self.wanted, self.platform.database
        ledger = None
        try:
            ledger = plans.ledger_of(await self.platform.engine.query({"account": wanted.account_id}))
        except Refused as error:
            if error.code != "unknown_account":
                raise
        user = await managed.user_of(wanted.account_id, database)
        managed_user = user.user_id if user is not None and user.managed_by == wanted.uid else None
        obstacle, credentials = await self._secret(managed_user)
        return Observed(
            ledger=ledger,
            funded=await self._is_funded(ledger is not None),
            user=user,
            holder_gone=await self._holder_is_gone(user),
            granted=wanted.adopts and await self._is_granted(),
            secret_taken=obstacle,
            credentials=credentials,
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
            return True  # the status was written after the deposit was observed
        database = self.platform.database
        await database.caught_up(wanted.account_id, "project_ledger")
        async with database.read(wanted.account_id) as c:
            transfer = plans.starting_cash_of(wanted.uid)
            return await portfolio.has_transfer(c, wanted.account_id, transfer)

    async def _is_granted(self) -> bool:
        """Whether the ConfigMap ADOPTIONS names the resource's namespace for the account that it adopts."""
        path = path_of("configmaps", self.context.settings.namespace, plans.ADOPTIONS)
        found = await self.context.kube.get(path)
        granted: dict[str, str] = (found or {}).get("data") or {}
        return granted.get(self.wanted.account_id, "").strip() == self.key.namespace

    async def _holder_is_gone(self, user: managed.ManagedUser | None) -> bool:
        """Whether the user names another resource as its manager, which no longer exists."""
        if user is None or user.managed_by in (None, self.wanted.uid) or user.managed_as is None:
            return False
        if user.managed_in != await self.context.cluster():
            return False
        namespace, _, name = user.managed_as.partition("/")
        try:
            found = await self.context.resource(Key(KIND, namespace, name))
        except ApiError:
            return False  # no permission to read it, so it may exist
        return found is None or found["metadata"]["uid"] != user.managed_by

    async def _secret(self, user_id: str | None) -> tuple[str | None, Credentials | None]:
        """Why the Secret's name cannot be used (None: it can), and what our Secret holds (None: no Secret).

        `user_id` is the user that this resource manages, None if there is none yet.
        """
        wanted = self.wanted
        found = await self.context.kube.get(path_of("secrets", self.key.namespace, wanted.secret_name))
        if found is None:
            return None, None
        meta = found["metadata"]
        if all(owner.get("uid") != wanted.uid for owner in meta.get("ownerReferences") or ()):
            return (
                f"The Secret {wanted.secret_name} exists and does not belong to this resource. Delete the"
                " Secret, or make another TradingAccount with another credentials.secretName",
                None,
            )
        key = _decoded((found.get("data") or {}).get("CIFT_API_KEY"))
        marks = meta.get("annotations") or {}
        works = user_id is not None and await managed.key_is_good(
            key, user_id, wanted.scopes, self.platform.database
        )
        key_id = managed.key_id(key)
        if works and key_id is not None:
            # Revoke the keys that another operator, or a crashed one, left behind.
            await managed.revoke_keys(wanted.uid, key_id, self.platform.database, self.platform.valkey)
        return None, Credentials(
            key=key,
            key_id=key_id or "",
            rotation=marks.get(ROTATION_MARK, ""),
            issued_at=marks.get(ISSUED_MARK, ""),
            works=works,
            resource_version=meta["resourceVersion"],
        )

    async def act(self, step: plans.Step) -> None:
        """Take one step.

        Raises Refused, Unavailable, OutcomeUnknown, RequeueAfter, ApiError, ApiUnavailable."""
        engine, database, record = self.platform.engine, self.platform.database, self.context.recorder.record
        manager = Manager(self.wanted.uid, self.wanted.name, await self.context.cluster())
        match step:
            case plans.OpenAccount(account, kind, currency):
                command: messages.OpenAccount = {
                    "type": "open_account",
                    "account": account,
                    "kind": kind,
                    "role": "customer",
                    "currency": currency,
                }
                try:
                    await engine.submit(command)
                    record(self.body, "AccountOpened", f"Opened the {kind} account {account}")
                except Refused as error:
                    if error.code != "account_exists":
                        raise
            case plans.Fund(account, transfer, amount, currency):
                deposit: messages.Deposit = {
                    "type": "deposit",
                    "account": account,
                    "transfer": transfer,
                    "amount": amount,
                    "idempotency_key": "starting-cash",
                }
                done = await engine.submit(deposit)
                if not done.repeated:
                    cash = f"{format_nanos(amount, 2)} {currency}"
                    record(self.body, "AccountFunded", f"Deposited the starting cash of {cash}")
            case plans.MakeUser(account):
                try:
                    await managed.make_user(account, manager, database, self.platform.settings)
                except Conflict:
                    pass  # another operator made it; the next round observes it
            case plans.TakeUser(account, instead_of):
                try:
                    await managed.take_user(account, instead_of, manager, database)
                    record(self.body, "AccountAdopted", f"Adopted the account {account}")
                except Conflict:
                    pass
            case plans.SetLimits(account, limits):
                await engine.submit({"type": "set_limits", "account": account, "limits": limits})
                record(self.body, "LimitsSet", f"Set the limits: {_limits_in_words(limits)}")
            case plans.SetState(account, state):
                await engine.submit({"type": "set_account_state", "account": account, "state": state})
                record(self.body, "StateSet", f"Set the account's state to {plans.STATE_NAMES[state]}")
            case plans.CancelOrders(account):
                done = await engine.submit({"type": "cancel_all", "account": account})
                record(self.body, "OrdersCanceled", f"Canceled {done.affected} open orders")
            case plans.IssueKey(user_id, replaces, why):
                await self._issue_key(user_id, replaces, why)
            case plans.SetFinalizer(present):
                await self.context.set_finalizer(self.key, self.body, plans.FINALIZER, present=present)
            case plans.Release(uid):
                account_id = await managed.release(uid, database, self.platform.valkey)
                if account_id is not None:
                    record(
                        self.body, "AccountReleased", f"Released the account {account_id}, revoked its keys"
                    )

    async def _issue_key(self, user_id: str, replaces: str | None, why: str) -> None:
        """Make a key and write it to the Secret. If another operator wrote the Secret first, revoke the new
        key and reconcile again."""
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
                raise RequeueAfter(0.2) from None
            raise
        await managed.revoke_keys(wanted.uid, key_id, database, self.platform.valkey)
        sentence = f"The Secret {wanted.secret_name} holds the new key {key_id}"
        if replaces is not None:
            sentence += "; the old one is revoked"
        self.context.recorder.record(self.body, why, sentence)

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
    """The condition that stays unmet when the step is rejected."""
    match step:
        case plans.SetLimits() | plans.SetState() | plans.CancelOrders():
            return "RiskApplied"
        case plans.IssueKey():
            return "CredentialsReady"
        case _:
            return "LedgerReady"


def _reason_of(code: str) -> str:
    """The reason of a condition, as Kubernetes spells it: `unknown_account` becomes `UnknownAccount`."""
    return "".join(word.capitalize() for word in code.split("_"))


def _decoded(data: str | None) -> str:
    try:
        return base64.b64decode(data or "").decode("ascii")
    except ValueError:  # edited by hand, so not one of our keys
        return ""


def _limits_in_words(limits: messages.Limits) -> str:
    amounts = {"max_order_quantity", "max_order_notional", "max_position", "max_daily_loss"}
    return ", ".join(
        f"{name.replace('_', ' ')} {format_nanos(value) if name in amounts else value}"
        for name, value in limits.items()
        if isinstance(value, int)
    )
