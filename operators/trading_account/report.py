"""The status of a TradingAccount: conditions, phase, summary. Pure.

Conditions describe what was observed, never what was intended. A state is in force when the engine has it. A
key is issued when the Secret holds it and PostgreSQL accepts it.
"""

from typing import Any

from cift.kernel.money import format_nanos
from operators.conditions import Condition, met, unknown, unmet
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
    """The conditions of an observation. `left` is the plan that remains after all steps were taken."""
    ledger = left.blocked.get("LedgerReady") or _ledger(wanted, seen)
    risk = left.blocked.get("RiskApplied") or _risk(wanted, seen, left)
    keys = left.blocked.get("CredentialsReady") or _credentials(wanted, seen)
    streams = _streams(seen)
    tradable = _tradable(seen, (ledger, keys, streams))
    return [_ready(wanted, (ledger, risk, keys, streams)), ledger, risk, keys, streams, tradable]


def _ledger(wanted: Desired, seen: Observed) -> Condition:
    if seen.ledger is None:
        return unmet("LedgerReady", "NotOpen", "The account is not open yet")
    if not seen.funded:
        return unmet("LedgerReady", "NotFunded", "The starting cash is not deposited yet")
    if seen.user is None or seen.user.managed_by != wanted.uid:
        return unmet("LedgerReady", "NoUser", "The account has no user yet")
    if wanted.adopts:
        return met("LedgerReady", "Adopted", f"The account {wanted.account_id} is adopted")
    cash = format_nanos(wanted.starting_cash, 2)
    return met("LedgerReady", "Funded", f"The account was opened with {cash} {wanted.currency}")


def _risk(wanted: Desired, seen: Observed, left: Plan) -> Condition:
    waiting = [step for step in left.steps if isinstance(step, SetLimits | SetState | CancelOrders)]
    if seen.ledger is None or waiting:
        return unmet("RiskApplied", "Pending", "Limits and state are not in force yet")
    state = STATE_NAMES[seen.ledger.state]
    if seen.ledger.state == "closed":
        return met("RiskApplied", "Closed", "The account is closed; limits apply when it is reopened")
    return met("RiskApplied", "InForce", f"The limits and the state {state} are in force in the engine")


def _credentials(wanted: Desired, seen: Observed) -> Condition:
    if seen.credentials is None:
        return unmet("CredentialsReady", "NoSecret", f"The Secret {wanted.secret_name} is not written yet")
    if why_a_key(wanted, seen.credentials) is not None:
        return unmet(
            "CredentialsReady", "KeyOutdated", f"The key in the Secret {wanted.secret_name} must be replaced"
        )
    scopes = ", ".join(wanted.scopes)
    return met(
        "CredentialsReady", "Issued", f"The Secret {wanted.secret_name} holds a key with scopes {scopes}"
    )


def _streams(seen: Observed) -> Condition:
    if seen.streams_missing:
        missing = " and ".join(seen.streams_missing)
        return unmet(
            "StreamsReady", "StreamMissing", f"Missing streams: {missing}. Events are not published there"
        )
    return met("StreamsReady", "StreamsExist", "The streams of the account's events and of the market exist")


def _tradable(seen: Observed, needed: tuple[Condition, ...]) -> Condition:
    for each in needed:
        if each.status != "True":
            return unmet("Tradable", each.reason, each.message)
    assert seen.ledger is not None, "LedgerReady is met only with a ledger"
    match seen.ledger.state:
        case "active":
            return met("Tradable", "Active", "Orders are accepted")
        case "reduce_only":
            return met("Tradable", "ReduceOnly", "Only orders that reduce a position are accepted")
        case "suspended":
            return unmet("Tradable", "Suspended", "The account is suspended; it can only cancel orders")
        case _:
            return unmet("Tradable", "Closed", "The account is closed")


def _ready(wanted: Desired, needed: tuple[Condition, ...]) -> Condition:
    for each in needed:
        if each.status != "True":
            return Condition("Ready", each.status, each.reason, each.message)
    if wanted.deleting:
        return unmet("Ready", "Deleting", "The resource is being deleted")
    return met("Ready", "AsDeclared", "The account is as declared")


def unreachable(reason: str, message: str) -> list[Condition]:
    """All conditions as Unknown: for a spec that could not be reconciled yet."""
    return [
        unknown(type, reason, message)
        for type in ("Ready", "LedgerReady", "RiskApplied", "CredentialsReady", "StreamsReady", "Tradable")
    ]


def phase(wanted: Desired, seen: Observed, ready: Condition) -> str:
    """The phase, one word for people: Pending, Closing, or the state that is in force."""
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
    """The whole status. Fields whose value is unknown are absent."""
    written: dict[str, Any] = {
        "observedGeneration": wanted.generation,
        "phase": phase(wanted, seen, ready),
        "accountId": wanted.account_id,
        "conditions": stamped,
    }
    if seen.user is not None and seen.user.managed_by == wanted.uid:
        written["userId"] = seen.user.user_id
    if seen.credentials is not None:
        written["credentials"] = {
            "secretName": wanted.secret_name,
            "keyId": seen.credentials.key_id,
            "issuedAt": seen.credentials.issued_at,
        }
    ledger = seen.ledger
    if ledger is not None and ready.reason != "ManagedByAnother":
        written["summary"] = {
            "cash": ledger.cash,
            "equity": ledger.equity,
            "buyingPower": ledger.buying_power,
            "openOrders": ledger.open_orders,
            "positions": len(ledger.positions),
        }
    return written
