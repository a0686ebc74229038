"""Which streams a namespace may declare. Names and subjects of the exchange and of others are reserved."""

from typing import Any

import pytest

from operators.market_stream import plan as plans
from operators.market_stream.plan import Desired, Observed

CLUSTER, HOME = "cluster-1", "cift"


def desired(namespace: str, stream: str, *subjects: str, **spec: Any) -> Desired:
    meta: dict[str, Any] = {"uid": f"uid-{namespace}", "name": "s", "namespace": namespace, "generation": 1}
    if spec.pop("deleting", False):
        meta |= {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [plans.FINALIZER]}
    body = {"metadata": meta, "spec": {"stream": stream, "subjects": list(subjects), **spec}}
    return plans.desired_of(body, CLUSTER, HOME)


def observed(config: dict[str, Any] | None, *, holder_gone: bool = False) -> Observed:
    return Observed(config, 0, 0, 0, 0, {}, holder_gone)


def made_for(wanted: Desired, **metadata: str) -> dict[str, Any]:
    return {**wanted.config, "metadata": {**wanted.ownership, **metadata}}


RESERVED = [
    ("team-a", "MARKET_DATA", "tenants.team-a.x"),
    ("team-a", "EVENTS", "tenants.team-a.x"),
    ("team-a", "UPDATES", "tenants.team-a.x"),
    ("team-a", "DLQ", "dlq.>"),
    ("team-a", "TICKS", "ticks.>"),
    ("team-a", "TEAM_B_SIGNALS", "tenants.team-a.x"),
    ("team-a", "TEAM_A_SIGNALS", "tenants.team-b.x"),
    ("team-a", "TEAM_A_SIGNALS", "tenants.team-ab.x"),
    ("team-a", "TEAM_A_SIGNALS", "updates.>"),
    ("team-a", "TEAM_A_SIGNALS", "tenants.>"),
    ("team-a", "TEAM_A_SIGNALS", "tenants.*.x"),
    ("team-a", "TEAM_A_SIGNALS", "market.>"),
    (HOME, "UPDATES", "updates.main"),
    (HOME, "DLQ", "orders.>"),
    (HOME, "MARKET_DATA", "market.>"),
]


@pytest.mark.parametrize(("namespace", "stream", "subject"), RESERVED)
@pytest.mark.parametrize("exists", [True, False])
def test_reserved_names_are_neither_made_nor_taken_over_nor_deleted(
    namespace: str, stream: str, subject: str, exists: bool
) -> None:
    wanted = desired(namespace, stream, subject, deletionPolicy="Delete")
    theirs = {**wanted.config, "subjects": ["market.>"]} if exists else None
    todo = plans.plan(wanted, observed(theirs))
    assert todo.steps == () and todo.blocked["StreamReady"].reason == "OutsideNamespace"
    deleting = desired(namespace, stream, subject, deletionPolicy="Delete", deleting=True)
    for config in (theirs, made_for(deleting)):
        assert plans.plan(deleting, observed(config)).steps == (plans.SetFinalizer(False),)


def test_a_namespace_has_its_own_names() -> None:
    wanted = desired("team-a", "TEAM_A_SIGNALS", "tenants.team-a.signals.>", deletionPolicy="Delete")
    steps = plans.plan(wanted, observed(None)).steps
    assert [type(step) for step in steps] == [plans.SetFinalizer, plans.CreateStream]
    deleting = desired(
        "team-a", "TEAM_A_SIGNALS", "tenants.team-a.signals.>", deletionPolicy="Delete", deleting=True
    )
    steps = plans.plan(deleting, observed(made_for(deleting))).steps
    assert steps == (plans.DeleteStream("TEAM_A_SIGNALS"), plans.SetFinalizer(False))


def test_the_chart_declares_the_exchanges_streams_in_the_releases_namespace() -> None:
    for stream, subjects in plans.OPERATED.items():
        wanted = desired(HOME, stream, *subjects)
        assert any(isinstance(step, plans.CreateStream) for step in plans.plan(wanted, observed(None)).steps)
        found = plans.plan(wanted, observed(dict(wanted.config)))
        assert not found.blocked, "a feed may have made it first"


@pytest.mark.parametrize(
    "config",
    [
        {"subjects": ["market.>"]},
        {"subjects": []},
        {"subjects": ["tenants.a.b.x"], "metadata": {plans.MANAGED_BY: "u", plans.MANAGED_AS: "a-b/s"}},
        {"metadata": {plans.MANAGED_AS: "a/s", plans.MANAGED_BY: "u", plans.MANAGED_IN: "other cluster"}},
    ],
)
def test_an_existing_stream_of_others_is_not_taken_over(config: dict[str, Any]) -> None:
    """The prefix of the namespace `a` is also how names of the namespace `a-b` begin."""
    wanted = desired("a", "A_B_SIGNALS", "tenants.a.x", deletionPolicy="Delete")
    todo = plans.plan(wanted, observed({**wanted.config, **config}, holder_gone=True))
    assert todo.blocked["StreamReady"].reason == "NotOfThisNamespace"
    assert not [step for step in todo.steps if not isinstance(step, plans.SetFinalizer)]


def test_a_kept_stream_is_managed_again_by_its_own_namespace_only() -> None:
    wanted = desired("team-a", "TEAM_A_SIGNALS", "tenants.team-a.x")
    kept = made_for(wanted, **{plans.MANAGED_BY: "an earlier resource"})
    assert not plans.plan(wanted, observed(kept, holder_gone=True)).blocked
    assert plans.plan(wanted, observed(kept)).blocked["StreamReady"].reason == "ManagedByAnother"
