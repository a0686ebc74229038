"""Permissions of each pod, and secrets in logs and specs."""

import json

import pytest
import yaml

from tests.cluster.release import NAME, NAMESPACE, Release, decode
from tests.stack import ROOT

# What every authenticated identity may do: query its own identity and permissions.
AUTHENTICATED = {
    "selfsubjectreviews.authentication.k8s.io create",
    "selfsubjectaccessreviews.authorization.k8s.io create",
    "selfsubjectrulesreviews.authorization.k8s.io create",
}
RULES = yaml.safe_load((ROOT / "charts" / "cift" / "operator-rules.gen.yaml").read_text())


def rules_of(release: Release, account: str) -> set[str]:
    """`resource verb` for each permission of a ServiceAccount in the release's namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": NAMESPACE},
    }
    identity = f"system:serviceaccount:{NAMESPACE}:{account}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated")
    done = release.cluster.kubectl(
        *("create", "--validate=false", "-o", "json", "-f", "-", f"--as={identity}"),
        *(f"--as-group={group}" for group in groups),
        input=json.dumps(review),
    )
    found = set()
    for rule in json.loads(done.stdout)["status"]["resourceRules"]:
        found |= spelled(rule)
    return found - AUTHENTICATED


def spelled(rule: dict[str, list[str]]) -> set[str]:
    found = set()
    for group in rule.get("apiGroups", []):
        for resource in rule.get("resources", []):
            names = rule.get("resourceNames") or [""]
            full = f"{resource}.{group}" if group else resource
            found |= {f"{full}{'/' + n if n else ''} {verb}" for verb in rule["verbs"] for n in names}
    return found


def test_no_identity_has_more_permissions_than_it_needs(release: Release) -> None:
    accounts = [each["metadata"]["name"] for each in release.get("serviceaccounts")["items"]]
    assert len(accounts) > 40
    wanted: set[str] = set()
    for rule in [*RULES["rules"], *RULES["clusterRules"], *RULES["ownRules"]]:
        wanted |= spelled(rule)
    for account in accounts:
        may = rules_of(release, account)
        assert may == (wanted if account == f"{NAME}-operator" else set()), f"{account} may {sorted(may)}"


def test_tokens_are_mounted_only_where_they_are_needed(release: Release) -> None:
    for pod in release.pods():
        mounted = [
            mount["mountPath"]
            for container in pod["spec"]["containers"]
            for mount in container.get("volumeMounts", [])
            if "kubernetes.io/serviceaccount" in mount["mountPath"]
        ]
        name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        assert bool(mounted) == (name == "operator"), f"{name} has {mounted}"


def test_every_pod_is_restricted(release: Release) -> None:
    """The namespace enforces "restricted"; this checks the admitted pods too."""
    namespace = json.loads(release.cluster.kubectl("get", "namespace", NAMESPACE, "-o", "json").stdout)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for pod in release.pods():
        for container in pod["spec"]["containers"]:
            security = {**pod["spec"].get("securityContext", {}), **container["securityContext"]}
            who = f"{pod['metadata']['name']}/{container['name']}"
            assert security["runAsNonRoot"] is True, who
            assert security["readOnlyRootFilesystem"] is True, who
            assert security["allowPrivilegeEscalation"] is False, who
            assert security["capabilities"]["drop"] == ["ALL"], who
            assert security["seccompProfile"]["type"] == "RuntimeDefault", who


@pytest.fixture
def secrets(release: Release) -> set[str]:
    """All secret strings: passwords, URLs that contain them, private keys."""
    found: set[str] = set()
    for name in ("postgres", "nats", "valkey", "token-keys"):
        for key, text in release.get("secret", f"{NAME}-{name}")["data"].items():
            value = decode(text)
            found |= {value} if key in ("password",) or key.startswith("url") else set()
            found |= {
                part
                for part in value.replace('"', " ").replace("@", " ").replace(":", " ").split()
                if len(part) == 48
            }
            found |= {line for line in value.splitlines() if len(line) > 50 and " " not in line}
    assert len(found) > 8
    return found


def test_no_secret_is_in_logs_or_specs(release: Release, secrets: set[str]) -> None:
    outputs = {
        "specs": release.kubectl("get", "pods,deployments,statefulsets,jobs,ksvc,configmaps", "-o", "yaml")
    }
    for pod in release.pods():
        name = pod["metadata"]["name"]
        outputs[name] = release.kubectl("logs", name, "--all-containers", "--tail=-1", check=False)
    assert sum(len(text) for text in outputs.values()) > 10_000
    leaks = [where for where, text in outputs.items() if any(secret in text for secret in secrets)]
    assert not leaks, f"a secret is in {leaks}"
