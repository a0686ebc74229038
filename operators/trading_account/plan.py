"""What to do about a TradingAccount: what is declared against what is. Pure.

`plan()` gives the steps that can be taken now, in order, and what stands in the way. Whoever acts observes
again afterwards, until there are no steps; `report.py` then says what is true.

Ids are made of the resource's uid, so that two operators, or one that crashed, open one account and fund
it once. They hold no generation: an edit in the middle of a funding must not make it another funding
(startingCash cannot change, so one id is enough), and all other steps set a value, which may be done
twice. The engine forgets idempotency keys after a day; a deposit's transfer id is looked for in the
ledger itself before it is sent (`Observed.funded`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cift.auth.managed import ManagedUser
from cift.contracts.admin import LEVERAGE_PERCENT_DEFAULT, OPEN_ORDERS_DEFAULT, ORDERS_PER_SECOND_DEFAULT
from cift.kernel.ids import uuid5
from cift.kernel.money import parse_nanos
from operators.conditions import Condition, no

FINALIZER = "cift.markets/close-account"
ROTATE_ANNOTATION = "cift.markets/rotate-credentials"
STATES = {"Active": "active", "ReduceOnly": "reduce_only", "Suspended": "suspended", "Closed": "closed"}
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
    kind: str
    currency: str
    starting_cash: int
    """Nanos; 0 for an adopted account."""
    state: str
    """As the engine calls it."""
    limits: Mapping[str, Any]
    """As the engine takes them: amounts in nanos."""
    secret_name: str
    scopes: tuple[str, ...]
    rotation: str
    closes: bool
    """deletionPolicy Close."""
    deleting: bool
    has_finalizer: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account as the engine has it."""

    kind: str
    role: str
    currency: str
    state: str
    limits: Mapping[str, Any]
    """Amounts in nanos."""
    open_orders: int
    positions: Mapping[str, str]
    """Quantity by symbol, those that are not 0."""
    cash: str
    equity: str
    buying_power: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """The Secret, as far as it is ours to read."""

    key: str
    key_id: str
    rotation: str
    issued_at: str
    works: bool
    """The key is one that PostgreSQL takes, with the declared scopes."""
    resource_version: str


@dataclass(frozen=True, slots=True)
class Observed:
    """What is."""

    ledger: Ledger | None
    funded: bool
    user: ManagedUser | None
    holder_gone: bool
    """The resource that manages the account does not exist any more (and was of this cluster)."""
    secret_taken: str | None
    """Why the Secret's name cannot be used."""
    credentials: Credentials | None
    streams_missing: tuple[str, ...]


# ── steps ───────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class OpenAccount:
    account_id: str
    kind: str
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
    """Manage the account instead of this resource (None: of nobody)."""

    account_id: str
    instead_of: str | None


@dataclass(frozen=True, slots=True)
class SetLimits:
    account_id: str
    limits: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetState:
    account_id: str
    state: str


@dataclass(frozen=True, slots=True)
class CancelOrders:
    account_id: str


@dataclass(frozen=True, slots=True)
class IssueKey:
    """Make a key and write the Secret; `replaces` is the Secret's version that was seen (None: none)."""

    user_id: str
    replaces: str | None
    why: str


@dataclass(frozen=True, slots=True)
class SetFinalizer:
    present: bool


@dataclass(frozen=True, slots=True)
class Release:
    """End the resource's keys, let its account go."""

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
    """Steps that can be taken now, and what stands in the way of the rest: by condition."""

    steps: tuple[Step, ...]
    blocked: Mapping[str, Condition]


# ── reading ─────────────────────────────────────────────────────────────────────────────────────
def desired_of(body: Mapping[str, Any]) -> Desired:
    """What a resource declares; the API server has checked it (charts/cift-crds)."""
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
            "max_open_orders": risk.get("maxOpenOrders", OPEN_ORDERS_DEFAULT),
            "max_orders_per_second": risk.get("maxOrdersPerSecond", ORDERS_PER_SECOND_DEFAULT),
            "max_daily_loss": amount("maxDailyLoss"),
            "leverage_percent": risk.get("leveragePercent", LEVERAGE_PERCENT_DEFAULT[spec["type"]]),
        },
        secret_name=credentials.get("secretName") or f"{meta['name']}-credentials",
        scopes=tuple(sorted(credentials.get("scopes") or ("read", "trade"))),
        rotation=rotation_of(credentials.get("rotation"), annotations.get(ROTATE_ANNOTATION)),
        closes=spec.get("deletionPolicy") == "Close",
        deleting="deletionTimestamp" in meta,
        has_finalizer=FINALIZER in (meta.get("finalizers") or ()),
    )


def account_of(uid: str) -> str:
    """The account of the resource with this uid: the same name again is another uid, so another account."""
    return uuid5(uid, "account")


def starting_cash_of(uid: str) -> str:
    """The transfer id of a resource's starting cash."""
    return uuid5(uid, "starting-cash")


def rotation_of(spec: str | None, annotation: str | None) -> str:
    """What a Secret is marked with: another mark, another key."""
    return f"{spec or ''}/{annotation or ''}"


def ledger_of(told: Mapping[str, Any]) -> Ledger:
    """The engine's answer to the question `account`."""
    account = told["account"]
    limits = {
        name: parse_nanos(value, name) if isinstance(value, str) else value
        for name, value in account["limits"].items()
    }
    return Ledger(
        kind=account["kind"],
        role=account["role"],
        currency=account["currency"],
        state=account["state"],
        limits=limits,
        open_orders=account["open_orders"],
        positions={each["symbol"]: each["quantity"] for each in told["positions"] if each["quantity"] != "0"},
        cash=account["cash"],
        equity=account["equity"],
        buying_power=account["buying_power"],
    )


# ── deciding ────────────────────────────────────────────────────────────────────────────────────
def plan(wanted: Desired, seen: Observed) -> Plan:
    """The steps from what is to what is declared."""
    if wanted.deleting:
        return _plan_deletion(wanted, seen)
    steps: list[Step] = []
    if wanted.closes != wanted.has_finalizer:
        # Before there is anything to close, and only as long as it is wanted.
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
        return Plan(tuple(steps), {})  # the rest is decided when it is there
    risk, in_the_way = _plan_risk(wanted, seen.ledger)
    steps += risk
    hindrances = {"RiskApplied": in_the_way} if in_the_way is not None else {}
    if seen.secret_taken is not None:
        hindrances["CredentialsReady"] = no("CredentialsReady", "SecretNameTaken", seen.secret_taken)
    elif seen.user is not None and seen.user.managed_by == wanted.uid:
        why = why_a_key(wanted, seen.credentials)
        if why is not None:
            version = seen.credentials.resource_version if seen.credentials else None
            steps.append(IssueKey(seen.user.user_id, version, why))
    return Plan(tuple(steps), hindrances)


def _ledger_blocked(wanted: Desired, seen: Observed) -> Condition | None:
    def because(reason: str, message: str) -> Condition:
        return no("LedgerReady", reason, message)

    if seen.ledger is None:
        if not wanted.adopts:
            return None
        return because("UnknownAccount", f"There is no account {wanted.account_id} to adopt")
    if seen.ledger.role != "customer":
        return because("HouseAccount", "The account is the house's, and is nobody's to adopt")
    if seen.ledger.kind != wanted.kind:
        return because(
            "TypeDiffers",
            f"The account is of type {seen.ledger.kind}, which cannot change; declare that type",
        )
    if seen.ledger.currency != wanted.currency:
        return because(
            "CurrencyDiffers",
            f"The account has {seen.ledger.currency}; declare currency {seen.ledger.currency}",
        )
    user = seen.user
    if user is not None and user.managed_by not in (None, wanted.uid) and not seen.holder_gone:
        return because("ManagedByAnother", f"The account is managed by the TradingAccount {user.managed_as}")
    return None


def _plan_risk(wanted: Desired, ledger: Ledger) -> tuple[list[Step], Condition | None]:
    """Limits and state. Limits are set while the account is open; what is stricter comes first."""
    steps: list[Step] = []
    id = wanted.account_id
    limits_differ = dict(ledger.limits) != dict(wanted.limits)
    if ledger.state == "closed":
        if wanted.state == "closed":
            return [], None  # limits of a closed account mean nothing, and the engine takes none
        steps.append(SetState(id, wanted.state))
        if limits_differ:
            steps.append(SetLimits(id, wanted.limits))
        return steps, None
    if limits_differ:
        steps.append(SetLimits(id, wanted.limits))
    if wanted.state == "closed":
        closing, in_the_way = _plan_closing(wanted, ledger)
        return steps + closing, in_the_way
    if ledger.state != wanted.state:
        steps.append(SetState(id, wanted.state))
    return steps, None


def _plan_closing(wanted: Desired, ledger: Ledger) -> tuple[list[Step], Condition | None]:
    """Cancel its orders, wait for its positions to go, close it."""
    id = wanted.account_id
    if ledger.open_orders == 0 and not ledger.positions:
        return [SetState(id, "closed")], None
    meanwhile = "suspended" if wanted.state == "suspended" else "reduce_only"
    steps: list[Step] = []
    if ledger.state != meanwhile:
        steps.append(SetState(id, meanwhile))
    # Orders that came after the account was reduce-only are its way out of its positions: they are left.
    if ledger.open_orders and (ledger.state != "reduce_only" or not ledger.positions):
        steps.append(CancelOrders(id))
    if not ledger.positions:
        return steps, None
    first = list(ledger.positions.items())[:POSITIONS_NAMED_MAX]
    held = ", ".join(f"{quantity} {symbol}" for symbol, quantity in first)
    if len(ledger.positions) > POSITIONS_NAMED_MAX:
        held += f" and {len(ledger.positions) - POSITIONS_NAMED_MAX} more"
    before = "set state ReduceOnly, then " if meanwhile == "suspended" else ""
    sentence = f"The account has positions ({held}) and cannot be closed; {before}trade them away"
    return steps, no("RiskApplied", "PositionsOpen", sentence)


def why_a_key(wanted: Desired, found: Credentials | None) -> str | None:
    if found is None:
        return "CredentialsIssued"
    if found.rotation != wanted.rotation:
        return "CredentialsRotated"
    if not found.works:
        return "CredentialsRepaired"
    return None


def _plan_deletion(wanted: Desired, seen: Observed) -> Plan:
    if not wanted.has_finalizer:
        return Plan((), {})  # other finalizers hold it; ours to do comes when it is gone
    ours = seen.user is None or seen.user.managed_by == wanted.uid
    blocked = _ledger_blocked(wanted, seen)
    if (
        wanted.closes
        and ours
        and blocked is None
        and seen.ledger is not None
        and seen.ledger.state != "closed"
    ):
        steps, in_the_way = _plan_closing(wanted, seen.ledger)
        return Plan(tuple(steps), {"RiskApplied": in_the_way} if in_the_way else {})
    return Plan((Release(wanted.uid), SetFinalizer(False)), {})
