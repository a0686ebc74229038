"""What is said of a TradingAccount: conditions, phase, figures. Pure.

A condition is said of what was observed, never of what was meant: a state is in force when the engine has
it, a key is issued when the Secret holds it and PostgreSQL takes it.
"""

from typing import Any

from cift.kernel.money import format_nanos
from operators.conditions import Condition, no, unknown, yes
from operators.trading_account.plan import (
    STATE_NAMES,
    CancelOrders,
    Desired,
    Observed,
    Plan,
    SetLimits,
    SetState,
    why_a_key,
)


def conditions(wanted: Desired, seen: Observed, left: Plan) -> list[Condition]:
    """What is true of an observation, given what is left to do of it."""
    ledger = left.blocked.get("LedgerReady") or _ledger(wanted, seen)
    risk = left.blocked.get("RiskApplied") or _risk(wanted, seen, left)
    keys = left.blocked.get("CredentialsReady") or _credentials(wanted, seen)
    streams = _streams(seen)
    tradable = _tradable(seen, (ledger, keys, streams))
    return [_ready(wanted, (ledger, risk, keys, streams)), ledger, risk, keys, streams, tradable]


def _ledger(wanted: Desired, seen: Observed) -> Condition:
    if seen.ledger is None:
        return no("LedgerReady", "NotOpen", "The account is not open yet")
    if not seen.funded:
        return no("LedgerReady", "NotFunded", "The starting cash is not paid in yet")
    if seen.user is None or seen.user.managed_by != wanted.uid:
        return no("LedgerReady", "NoUser", "The account belongs to no user yet")
    if wanted.adopts:
        return yes("LedgerReady", "Adopted", f"The account {wanted.account_id} is adopted")
    cash = format_nanos(wanted.starting_cash, 2)
    return yes("LedgerReady", "Funded", f"The account was opened with {cash} {wanted.currency}")


def _risk(wanted: Desired, seen: Observed, left: Plan) -> Condition:
    waiting = [step for step in left.steps if isinstance(step, SetLimits | SetState | CancelOrders)]
    if seen.ledger is None or waiting:
        return no("RiskApplied", "Pending", "Limits and state are not in force yet")
    state = STATE_NAMES[seen.ledger.state]
    if seen.ledger.state == "closed":
        return yes("RiskApplied", "Closed", "The account is closed; limits apply when it is opened again")
    return yes("RiskApplied", "InForce", f"The engine has the limits, and the state {state}")


def _credentials(wanted: Desired, seen: Observed) -> Condition:
    if seen.credentials is None:
        return no("CredentialsReady", "NoSecret", f"The Secret {wanted.secret_name} is not written yet")
    if why_a_key(wanted, seen.credentials) is not None:
        return no(
            "CredentialsReady", "KeyOutdated", f"The key in the Secret {wanted.secret_name} is to be replaced"
        )
    scopes = ", ".join(wanted.scopes)
    return yes("CredentialsReady", "Issued", f"The Secret {wanted.secret_name} holds a key for {scopes}")


def _streams(seen: Observed) -> Condition:
    if seen.streams_missing:
        missing = " and ".join(seen.streams_missing)
        return no(
            "StreamsReady", "StreamMissing", f"There is no stream {missing}: the account's events go nowhere"
        )
    return yes("StreamsReady", "StreamsExist", "The streams of the account's events and of the market exist")


def _tradable(seen: Observed, needed: tuple[Condition, ...]) -> Condition:
    for each in needed:
        if each.status != "True":
            return no("Tradable", each.reason, each.message)
    assert seen.ledger is not None, "a ledger that is ready is there"
    match seen.ledger.state:
        case "active":
            return yes("Tradable", "Active", "Orders are taken")
        case "reduce_only":
            return yes("Tradable", "ReduceOnly", "Orders are taken that make a position smaller")
        case "suspended":
            return no("Tradable", "Suspended", "The account is suspended; it may cancel orders only")
        case _:
            return no("Tradable", "Closed", "The account is closed")


def _ready(wanted: Desired, needed: tuple[Condition, ...]) -> Condition:
    for each in needed:
        if each.status != "True":
            return Condition("Ready", each.status, each.reason, each.message)
    if wanted.deleting:
        return no("Ready", "Deleting", "The resource is being deleted")
    return yes("Ready", "AsDeclared", "The account is as declared")


def unreachable(reason: str, message: str) -> list[Condition]:
    """What is said of a spec that nobody could look at yet."""
    return [
        unknown(type, reason, message)
        for type in ("Ready", "LedgerReady", "RiskApplied", "CredentialsReady", "StreamsReady", "Tradable")
    ]


def phase(wanted: Desired, seen: Observed, ready: Condition) -> str:
    """One word for people."""
    if (
        seen.ledger is None
        or not seen.funded
        or ready.reason in ("NoUser", "UnknownAccount", "ManagedByAnother")
    ):
        return "Pending"
    if seen.ledger.state != "closed" and ((wanted.deleting and wanted.closes) or wanted.state == "closed"):
        return "Closing"
    return STATE_NAMES[seen.ledger.state]


def status(
    wanted: Desired, seen: Observed, stamped: list[dict[str, Any]], ready: Condition
) -> dict[str, Any]:
    """The whole status, without what is not known."""
    told: dict[str, Any] = {
        "observedGeneration": wanted.generation,
        "phase": phase(wanted, seen, ready),
        "accountId": wanted.account_id,
        "conditions": stamped,
    }
    if seen.user is not None and seen.user.managed_by == wanted.uid:
        told["userId"] = seen.user.user_id
    if seen.credentials is not None:
        told["credentials"] = {
            "secretName": wanted.secret_name,
            "keyId": seen.credentials.key_id,
            "issuedAt": seen.credentials.issued_at,
        }
    ledger = seen.ledger
    if ledger is not None and ready.reason != "ManagedByAnother":
        told["summary"] = {
            "cash": ledger.cash,
            "equity": ledger.equity,
            "buyingPower": ledger.buying_power,
            "openOrders": ledger.open_orders,
            "positions": len(ledger.positions),
        }
    return told
