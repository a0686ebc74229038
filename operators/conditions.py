"""Conditions of a status, as Kubernetes defines them. Pure.

A condition has a type, a status (True, False or Unknown), a reason (one word, for programs), a message (a
sentence, for people) and the generation of the spec that it describes. `lastTransitionTime` changes only when
the status changes, so an unchanged observation gives an unchanged status, which is not written.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cift.kernel.clock import to_datetime


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition without its time of transition."""

    type: str
    status: str
    """True, False or Unknown."""
    reason: str
    message: str


def met(type: str, reason: str, message: str) -> Condition:
    return Condition(type, "True", reason, message)


def unmet(type: str, reason: str, message: str) -> Condition:
    return Condition(type, "False", reason, message)


def unknown(type: str, reason: str, message: str) -> Condition:
    return Condition(type, "Unknown", reason, message)


def stamped(
    conditions: Iterable[Condition], before: list[dict[str, Any]], generation: int, now_ns: int
) -> list[dict[str, Any]]:
    """The conditions as JSON for a status. `before` are the conditions that the status held until now."""
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


def newly_unmet(conditions: Iterable[Condition], before: list[dict[str, Any]]) -> list[Condition]:
    """Conditions that became false, or are false with another reason or message than before."""
    then = {
        each.get("type"): (each.get("status"), each.get("reason"), each.get("message")) for each in before
    }
    return [
        each
        for each in conditions
        if each.status == "False" and then.get(each.type) != (each.status, each.reason, each.message)
    ]


def is_true(status: dict[str, Any], type: str) -> bool:
    """Whether the status holds this condition with status True."""
    return any(
        each.get("type") == type and each.get("status") == "True" for each in status.get("conditions") or []
    )
