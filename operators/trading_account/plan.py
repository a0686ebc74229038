"""The steps from the actual to the declared state of a TradingAccount. Pure.

`plan()` returns the steps that can be taken now, in order, and what blocks the others. The caller takes them
and observes again, until no steps are left. Then `report.py` makes the status.

Ids derive from the resource's uid, so that two operators, or one that crashed, open one account and fund it
once. They do not contain the generation: an edit during the funding must not cause a second funding, and
startingCash cannot change, so one id is enough. All other steps set a value and may be repeated. The engine
forgets idempotency keys after a day, so before a deposit the ledger is searched for its transfer id
(`Observed.funded`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cift.auth.managed import ManagedUser
from cift.contracts.admin import DEFAULT_LEVERAGE_PERCENT
from cift.contracts.limits_gen import DEFAULT_MAX_OPEN_ORDERS, DEFAULT_MAX_ORDERS_PER_SECOND
from cift.contracts.names_gen import AccountKind, AccountState
from cift.kernel.ids import uuid5
from cift.kernel.money import parse_nanos
from operators.conditions import Condition, unmet

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

FINALIZER = "cift.markets/close-account"
ADOPTIONS = "cift-adoptions"
"""The ConfigMap in the exchange's namespace that grants accounts: account id → namespace that may adopt."""
ROTATE_ANNOTATION = "cift.markets/rotate-credentials"
STATES: dict[str, AccountState] = {
    "Active": "active",
    "ReduceOnly": "reduce_only",
    "Suspended": "suspended",
    "Closed": "closed",
}
STATE_NAMES = {state: name for name, state in STATES.items()}
POSITIONS_NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Desired:
    """What a resource declares."""

    uid: str
    name: str
    """namespace/name"""
    generation: int
    account_id: str
    adopts: bool
    kind: AccountKind
    currency: str
    starting_cash: int
    """Nanos; 0 for an adopted account."""
    state: AccountState
    """The engine's name of the state, such as `reduce_only`."""
    limits: messages.Limits
    """In the form of the engine's command `set_limits`, amounts in nanos."""
    secret_name: str
    scopes: tuple[str, ...]
    rotation: str
    closes: bool
    """deletionPolicy Close."""
    deleting: bool
    has_finalizer: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account's state in the engine."""

    kind: str
    role: str
    currency: str
    state: AccountState
    limits: messages.Limits
    """Amounts in nanos."""
    open_orders: int
    positions: Mapping[str, str]
    """Quantity by symbol, without those that are 0."""
    cash: str
    equity: str
    buying_power: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """What our Secret holds."""

    key: str
    key_id: str
    rotation: str
    issued_at: str
    works: bool
    """PostgreSQL holds the key as valid, with the declared scopes."""
    resource_version: str


@dataclass(frozen=True, slots=True)
class Observed:
    """The actual state."""

    ledger: Ledger | None
    """None: the account does not exist."""
    funded: bool
    user: ManagedUser | None
    holder_gone: bool
    """The resource that manages the account was in this cluster and no longer exists."""
    granted: bool
    """An administrator granted the account to the resource's namespace (`handlers.py`)."""
    secret_taken: str | None
    """Why the Secret's name cannot be used, None if it can."""
    credentials: Credentials | None
    streams_missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenAccount:
    account_id: str
    kind: AccountKind
    currency: str


@dataclass(frozen=True, slots=True)
class Fund:
    account_id: str
    transfer_id: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class MakeUser:
    account_id: str


@dataclass(frozen=True, slots=True)
class TakeUser:
    """Become the manager of the account. `instead_of` is the uid of the present manager, None without one."""

    account_id: str
    instead_of: str | None


@dataclass(frozen=True, slots=True)
class SetLimits:
    account_id: str
    limits: messages.Limits


@dataclass(frozen=True, slots=True)
class SetState:
    account_id: str
    state: AccountState


@dataclass(frozen=True, slots=True)
class CancelOrders:
    account_id: str


@dataclass(frozen=True, slots=True)
class IssueKey:
    """Make a key and write the Secret. `replaces` is the observed resource version of the Secret, None
    without a Secret."""

    user_id: str
    replaces: str | None
    why: str


@dataclass(frozen=True, slots=True)
class SetFinalizer:
    present: bool


@dataclass(frozen=True, slots=True)
class Release:
    """Revoke the resource's keys and stop managing its account."""

    uid: str


Step = (
    OpenAccount
    | Fund
    | MakeUser
    | TakeUser
    | SetLimits
    | SetState
    | CancelOrders
    | IssueKey
    | SetFinalizer
    | Release
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps that can be taken now, and the unmet conditions that block the others, by type."""

    steps: tuple[Step, ...]
    blocked: Mapping[str, Condition]


def desired_of(body: Mapping[str, Any]) -> Desired:
    """What a resource declares. The API server has validated it (charts/cift-crds)."""
    meta, spec = body["metadata"], body["spec"]
    risk, credentials = spec.get("risk") or {}, spec.get("credentials") or {}
    annotations = meta.get("annotations") or {}
    adopted = spec.get("adopt")

    def amount(name: str) -> int | None:
        text = risk.get(name)
        return None if text is None else parse_nanos(text, f"spec.risk.{name}")

    return Desired(
        uid=meta["uid"],
        name=f"{meta['namespace']}/{meta['name']}",
        generation=meta["generation"],
        account_id=adopted or account_of(meta["uid"]),
        adopts=adopted is not None,
        kind=spec["type"],
        currency=spec.get("currency", "USD"),
        starting_cash=parse_nanos(spec.get("startingCash", "0"), "spec.startingCash"),
        state=STATES[spec.get("state", "Active")],
        limits={
            "max_order_quantity": amount("maxOrderQuantity"),
            "max_order_notional": amount("maxOrderNotional"),
            "max_position": amount("maxPosition"),
            "max_open_orders": risk.get("maxOpenOrders", DEFAULT_MAX_OPEN_ORDERS),
            "max_orders_per_second": risk.get("maxOrdersPerSecond", DEFAULT_MAX_ORDERS_PER_SECOND),
            "max_daily_loss": amount("maxDailyLoss"),
            "leverage_percent": risk.get("leveragePercent", DEFAULT_LEVERAGE_PERCENT[spec["type"]]),
        },
        secret_name=credentials.get("secretName") or f"{meta['name']}-credentials",
        scopes=tuple(sorted(credentials.get("scopes") or ("read", "trade"))),
        rotation=rotation_of(credentials.get("rotation"), annotations.get(ROTATE_ANNOTATION)),
        closes=spec.get("deletionPolicy") == "Close",
        deleting="deletionTimestamp" in meta,
        has_finalizer=FINALIZER in (meta.get("finalizers") or ()),
    )


def account_of(uid: str) -> str:
    """The account id of the resource with this uid. A deleted and recreated resource has another uid, so
    another account."""
    return uuid5(uid, "account")


def starting_cash_of(uid: str) -> str:
    """The transfer id of a resource's starting cash."""
    return uuid5(uid, "starting-cash")


def rotation_of(spec: str | None, annotation: str | None) -> str:
    """The rotation mark of a Secret, kept in an annotation. When it changes, the key is replaced."""
    return f"{spec or ''}/{annotation or ''}"


def _nanos(amount: str | None) -> int | None:
    return None if amount is None else parse_nanos(amount, "limit")


def ledger_of(result: messages.AccountAnswer) -> Ledger:
    """The ledger from the result of the engine's query `account`."""
    account = result["account"]
    limits = account["limits"]
    return Ledger(
        kind=account["kind"],
        role=account["role"],
        currency=account["currency"],
        state=account["state"],
        limits={
            "max_order_quantity": _nanos(limits["max_order_quantity"]),
            "max_order_notional": _nanos(limits["max_order_notional"]),
            "max_position": _nanos(limits["max_position"]),
            "max_open_orders": limits["max_open_orders"],
            "max_orders_per_second": limits["max_orders_per_second"],
            "max_daily_loss": _nanos(limits["max_daily_loss"]),
            "leverage_percent": limits["leverage_percent"],
        },
        open_orders=account["open_orders"],
        positions={
            each["symbol"]: each["quantity"] for each in result["positions"] if each["quantity"] != "0"
        },
        cash=account["cash"],
        equity=account["equity"],
        buying_power=account["buying_power"],
    )


def plan(wanted: Desired, seen: Observed) -> Plan:
    """The steps from the actual to the declared state."""
    if wanted.deleting:
        return _plan_deletion(wanted, seen)
    steps: list[Step] = []
    if wanted.closes != wanted.has_finalizer:
        # First of all: with policy Close the finalizer exists before the account does.
        steps.append(SetFinalizer(wanted.closes))
    blocked = _ledger_blocked(wanted, seen)
    if blocked is not None:
        return Plan(tuple(steps), {"LedgerReady": blocked})
    if seen.ledger is None:
        steps.append(OpenAccount(wanted.account_id, wanted.kind, wanted.currency))
    if not seen.funded:
        transfer = starting_cash_of(wanted.uid)
        steps.append(Fund(wanted.account_id, transfer, wanted.starting_cash, wanted.currency))
    if seen.user is None:
        steps.append(MakeUser(wanted.account_id))
    elif seen.user.managed_by != wanted.uid:
        steps.append(TakeUser(wanted.account_id, seen.user.managed_by))
    if seen.ledger is None or not seen.funded:
        return Plan(tuple(steps), {})  # the next round plans the rest, when the account exists
    risk, obstacle = _plan_risk(wanted, seen.ledger)
    steps += risk
    obstacles = {"RiskApplied": obstacle} if obstacle is not None else {}
    if seen.secret_taken is not None:
        obstacles["CredentialsReady"] = unmet("CredentialsReady", "SecretNameTaken", seen.secret_taken)
    elif seen.user is not None and seen.user.managed_by == wanted.uid:
        why = why_a_key(wanted, seen.credentials)
        if why is not None:
            version = seen.credentials.resource_version if seen.credentials else None
            steps.append(IssueKey(seen.user.user_id, version, why))
    return Plan(tuple(steps), obstacles)


def _ledger_blocked(wanted: Desired, seen: Observed) -> Condition | None:
    def because(reason: str, message: str) -> Condition:
        return unmet("LedgerReady", reason, message)

    ours = seen.user is not None and seen.user.managed_by == wanted.uid
    if wanted.adopts and not ours and not seen.granted:
        # The first check: without the grant a resource does not learn whether the account exists.
        namespace = wanted.name.partition("/")[0]
        return because(
            "AdoptionNotGranted",
            f"The account {wanted.account_id} is not granted to the namespace {namespace}. An administrator"
            f" of the exchange grants it in the ConfigMap {ADOPTIONS} of the exchange's namespace:"
            f" {wanted.account_id}: {namespace}",
        )
    if seen.ledger is None:
        if not wanted.adopts:
            return None
        return because("UnknownAccount", f"There is no account {wanted.account_id} to adopt")
    if seen.ledger.role != "customer":
        return because(
            "HouseAccount",
            f"The account has the role {seen.ledger.role}; only customers' accounts can be adopted",
        )
    if seen.ledger.kind != wanted.kind:
        return because(
            "TypeDiffers",
            f"The account's type is {seen.ledger.kind}, which cannot change. Declare type {seen.ledger.kind}",
        )
    if seen.ledger.currency != wanted.currency:
        return because(
            "CurrencyDiffers",
            f"The account's currency is {seen.ledger.currency}. Declare currency {seen.ledger.currency}",
        )
    user = seen.user
    if user is not None and user.managed_by not in (None, wanted.uid) and not seen.holder_gone:
        return because("ManagedByAnother", f"The account is managed by the TradingAccount {user.managed_as}")
    return None


def _plan_risk(wanted: Desired, ledger: Ledger) -> tuple[list[Step], Condition | None]:
    """Steps for limits and state. Limits can be set only while the account is open, so a closed account is
    opened first; in all other cases limits come before the state."""
    steps: list[Step] = []
    id = wanted.account_id
    limits_differ = dict(ledger.limits) != dict(wanted.limits)
    if ledger.state == "closed":
        if wanted.state == "closed":
            return [], None  # the engine accepts no limits for a closed account; they would have no effect
        steps.append(SetState(id, wanted.state))
        if limits_differ:
            steps.append(SetLimits(id, wanted.limits))
        return steps, None
    if limits_differ:
        steps.append(SetLimits(id, wanted.limits))
    if wanted.state == "closed":
        closing, obstacle = _plan_closing(wanted, ledger)
        return steps + closing, obstacle
    if ledger.state != wanted.state:
        steps.append(SetState(id, wanted.state))
    return steps, None


def _plan_closing(wanted: Desired, ledger: Ledger) -> tuple[list[Step], Condition | None]:
    """Cancel open orders, wait until there are no positions, then close the account."""
    id = wanted.account_id
    if ledger.open_orders == 0 and not ledger.positions:
        return [SetState(id, "closed")], None
    meanwhile: AccountState = "suspended" if wanted.state == "suspended" else "reduce_only"
    steps: list[Step] = []
    if ledger.state != meanwhile:
        steps.append(SetState(id, meanwhile))
    # Orders placed since the account became reduce-only close its positions, so they are not canceled.
    if ledger.open_orders and (ledger.state != "reduce_only" or not ledger.positions):
        steps.append(CancelOrders(id))
    if not ledger.positions:
        return steps, None
    first = list(ledger.positions.items())[:POSITIONS_NAMED_MAX]
    held = ", ".join(f"{quantity} {symbol}" for symbol, quantity in first)
    if len(ledger.positions) > POSITIONS_NAMED_MAX:
        held += f" and {len(ledger.positions) - POSITIONS_NAMED_MAX} more"
    remedy = (
        "Set state ReduceOnly, then close the positions"
        if meanwhile == "suspended"
        else "Close the positions"
    )
    sentence = f"The account has positions ({held}) and cannot be closed. {remedy} first"
    return steps, unmet("RiskApplied", "PositionsOpen", sentence)


def why_a_key(wanted: Desired, found: Credentials | None) -> str | None:
    """The reason to issue a key, as an event's reason. None if the present key is right."""
    if found is None:
        return "CredentialsIssued"
    if found.rotation != wanted.rotation:
        return "CredentialsRotated"
    if not found.works:
        return "CredentialsRepaired"
    return None


def _plan_deletion(wanted: Desired, seen: Observed) -> Plan:
    if not wanted.has_finalizer:
        return Plan((), {})  # finalizers of others hold it; `release_gone` acts when it is gone
    ours = seen.user is None or seen.user.managed_by == wanted.uid
    blocked = _ledger_blocked(wanted, seen)
    if (
        wanted.closes
        and ours
        and blocked is None
        and seen.ledger is not None
        and seen.ledger.state != "closed"
    ):
        steps, obstacle = _plan_closing(wanted, seen.ledger)
        return Plan(tuple(steps), {"RiskApplied": obstacle} if obstacle else {})
    return Plan((Release(wanted.uid), SetFinalizer(False)), {})
