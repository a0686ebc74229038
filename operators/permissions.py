"""What the operator may do in Kubernetes: the one list, which the chart renders.

`RULES` hold where resources are watched (the cluster, or each watched namespace), `CLUSTER_RULES` always
for the cluster. No listing or watching of Secrets: they are read and written by name. No deleting of
anything: what belongs to a resource is deleted with it by Kubernetes.
"""

from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parent.parent / "charts" / "cift" / "operator-rules.gen.yaml"
HEADER = "# Made by `python -m operators rules` from operators/permissions.py; never edited.\n"

Rule = dict[str, list[str]]
KINDS = ["marketstreams", "tradingaccounts"]
RULES: list[Rule] = [
    {"apiGroups": ["cift.markets"], "resources": KINDS, "verbs": ["get", "list", "patch", "watch"]},
    {"apiGroups": ["cift.markets"], "resources": [f"{kind}/status" for kind in KINDS], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "get", "patch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
]
CLUSTER_RULES: list[Rule] = [
    # The cluster's id; so that two clusters at one database do not clean up after each other.
    {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["kube-system"], "verbs": ["get"]},
    # kopf sees our kinds appear.
    {
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
        "verbs": ["list", "watch"],
    },
]
OWN_RULES: list[Rule] = [
    # The key for halts (`cift-admin`), where only other namespaces are watched.
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "get", "patch"]},
]


def rendered() -> str:
    """The chart's file."""
    document: dict[str, Any] = {"rules": RULES, "clusterRules": CLUSTER_RULES, "ownRules": OWN_RULES}
    return HEADER + yaml.safe_dump(document, sort_keys=False)


def write() -> None:
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(rendered())


def difference() -> str | None:
    """A sentence where the file is not what it should be."""
    if FILE.exists() and FILE.read_text() == rendered():
        return None
    return f"{FILE.name} is not what operators/permissions.py says: run `python -m operators rules`"
