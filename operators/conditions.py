"""Conditions of a status, as Kubernetes means them. Pure.

A condition is true, false or unknown, for a reason (one word, for programs) that a message explains (a
sentence, for people), about a generation of the spec. `lastTransitionTime` moves only when the status
does, so that an unchanged observation gives an unchanged status, which is not written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cift.kernel.clock import to_datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """What is said, without when."""

    type: str
    status: str
    """True, False or Unknown."""
    reason: str
    message: str


def yes(type: str, reason: str, message: str) -> Condition:
    return Condition(type, "True", reason, message)


def no(type: str, reason: str, message: str) -> Condition:
    return Condition(type, "False", reason, message)


def unknown(type: str, reason: str, message: str) -> Condition:
    return Condition(type, "Unknown", reason, message)


def stamped(
    conditions: Iterable[Condition], before: list[dict[str, Any]], generation: int, now_ns: int
) -> list[dict[str, Any]]:
    """The conditions as a status holds them, given those that it held before."""
    then = {each.get("type"): each for each in before}
    now = f"{to_datetime(now_ns):%Y-%m-%dT%H:%M:%SZ}"
    written = []
    for each in conditions:
        old = then.get(each.type)
        since = old["lastTransitionTime"] if old and old.get("status") == each.status else now
        written.append(
            {
                "type": each.type,
                "status": each.status,
                "reason": each.reason,
                "message": each.message,
                "lastTransitionTime": since,
                "observedGeneration": generation,
            }
        )
    return written


def news(conditions: Iterable[Condition], before: list[dict[str, Any]]) -> list[Condition]:
    """Conditions that are false for another reason than before: what an event tells of."""
    then = {
        each.get("type"): (each.get("status"), each.get("reason"), each.get("message")) for each in before
    }
    return [
        each
        for each in conditions
        if each.status == "False" and then.get(each.type) != (each.status, each.reason, each.message)
    ]


def is_true(status: dict[str, Any], type: str) -> bool:
    """Whether a status says so."""
    return any(
        each.get("type") == type and each.get("status") == "True" for each in status.get("conditions") or []
    )
