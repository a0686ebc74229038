"""The operator may do what its list says, and nothing else; the chart's file is that list."""

import pytest

from operators import permissions
from tests.operators.cluster import Cluster


def test_the_charts_rules_are_the_operators() -> None:
    assert permissions.difference() is None


DENIED = [
    ("list", "secrets"),
    ("watch", "secrets"),
    ("delete", "secrets"),
    ("delete", "tradingaccounts.cift.markets"),
    ("create", "tradingaccounts.cift.markets"),
    ("update", "tradingaccounts.cift.markets"),
    ("list", "events"),
    ("list", "namespaces"),
    ("get", "pods"),
    ("create", "pods"),
    ("get", "configmaps"),
    ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
    ("impersonate", "users"),
]


@pytest.mark.parametrize(("verb", "what"), DENIED)
def test_it_may_not(cluster: Cluster, verb: str, what: str) -> None:
    assert cluster.plane is not None or cluster.operator_kubeconfig != cluster.kubeconfig, (
        "this cluster gives the tests no identity of the operator's own"
    )
    asked = ("auth", "can-i", verb, what, "-n", "default", "--as=cift-operator")
    assert cluster.kubectl(*asked, check=False).stdout.strip() == "no"


def test_it_may_what_it_needs(cluster: Cluster) -> None:
    for rule in permissions.RULES:
        for resource in rule["resources"]:
            kind, _, sub = resource.partition("/")
            group = rule["apiGroups"][0]
            for verb in rule["verbs"]:
                what = f"{kind}.{group}" if group else kind
                asked = ["auth", "can-i", verb, what, "-n", "default", "--as=cift-operator"]
                done = cluster.kubectl(*asked, *([f"--subresource={sub}"] if sub else []), check=False)
                assert done.stdout.strip() == "yes", (verb, resource)
