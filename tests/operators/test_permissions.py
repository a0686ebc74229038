"""The operator has exactly the permissions of its list, and the chart's file equals the list."""

import pytest

from operators import permissions
from tests.operators.cluster import Cluster


def test_the_charts_rules_equal_the_operators_list() -> None:
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
def test_other_permissions_are_denied(cluster: Cluster, verb: str, what: str) -> None:
    assert cluster.plane is not None or cluster.operator_kubeconfig != cluster.kubeconfig, (
        "the tests have no identity of the operator in this cluster"
    )
    arguments = ("auth", "can-i", verb, what, "-n", "default", "--as=cift-operator")
    assert cluster.kubectl(*arguments, check=False).stdout.strip() == "no"


def test_listed_permissions_are_granted(cluster: Cluster) -> None:
    for rule in permissions.RULES:
        for resource in rule["resources"]:
            kind, _, sub = resource.partition("/")
            group = rule["apiGroups"][0]
            for verb in rule["verbs"]:
                what = f"{kind}.{group}" if group else kind
                arguments = ["auth", "can-i", verb, what, "-n", "default", "--as=cift-operator"]
                done = cluster.kubectl(*arguments, *([f"--subresource={sub}"] if sub else []), check=False)
                assert done.stdout.strip() == "yes", (verb, resource)
