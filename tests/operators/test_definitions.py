"""The CRDs document every field and reject every wrong spec with a sentence."""

import re
from typing import Any

import pytest
import yaml

from tests.operators.cluster import Cluster, account, stream
from tests.stack import ROOT

KINDS = ["marketstreams", "tradingaccounts"]
UUID = "5e0f2f0e-8a1c-5b7d-9d0a-0c6f6d1f2a3b"


def schema_of(kind: str) -> dict[str, Any]:
    file = ROOT / "charts" / "cift-crds" / "templates" / f"{kind}.yaml"
    (version,) = yaml.safe_load(file.read_text())["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def fields(schema: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """All fields of a schema by path, nested ones included."""
    found = {}
    for name, field in schema.get("properties", {}).items():
        found[f"{path}.{name}"] = field
        found |= fields(field, f"{path}.{name}") | fields(field.get("items", {}), f"{path}.{name}")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_documented(kind: str) -> None:
    schema = schema_of(kind)
    found = fields(schema)
    assert len(found) > 20 and schema["description"]
    undocumented = [path for path, field in found.items() if len(field.get("description", "")) < 8]
    assert not undocumented
    rules = [rule for field in found.values() for rule in field.get("x-kubernetes-validations", ())]
    for rule in [*rules, *schema.get("x-kubernetes-validations", ())]:
        assert re.match(r".* .*[.]$", rule["message"]), f"not a sentence: {rule}"


def test_kubectl_explain_prints_the_descriptions(cluster: Cluster) -> None:
    for kind in KINDS:
        explained = cluster.kubectl("explain", kind, "--recursive").stdout
        for path in fields(schema_of(kind)):
            assert path.rpartition(".")[2] in explained
    explained = " ".join(cluster.kubectl("explain", "tradingaccount.spec.risk.maxDailyLoss").stdout.split())
    assert "only orders that reduce a position are accepted" in explained


REFUSED = [
    ({"owner": None}, "spec.owner: Required value"),
    ({"owner": ""}, "owner must not be empty"),
    ({"owner": " ada"}, "begin or end with a space"),
    ({"owner": "a" * 129}, "spec.owner: Too long"),
    ({"type": "futures"}, 'supported values: "cash", "margin"'),
    ({"startingCash": None}, "Set either startingCash, for a new account, or adopt"),
    ({"adopt": UUID}, "but not both"),
    ({"startingCash": "1e5"}, "startingCash must be a decimal string"),
    ({"startingCash": "-1"}, "startingCash must be a decimal string"),
    ({"startingCash": "0.1234567891"}, "at most nine decimals"),
    ({"startingCash": "1000000000000"}, "below 1000000000000"),
    ({"startingCash": 100}, "must be of type string"),
    ({"startingCash": None, "adopt": "ada"}, "adopt must be an account id, a UUID"),
    ({"currency": "usd"}, "three to eight capital letters"),
    ({"state": "Frozen"}, 'supported values: "Active", "ReduceOnly", "Suspended", "Closed"'),
    ({"risk": {"maxPosition": "0"}}, "a decimal string above 0"),
    ({"risk": {"maxDailyLoss": "1,000"}}, "a decimal string above 0"),
    ({"risk": {"maxOpenOrders": 0}}, "greater than or equal to 1"),
    ({"risk": {"maxOrdersPerSecond": 1_000_001}}, "less than or equal to 1000000"),
    ({"risk": {"leveragePercent": 1001}}, "less than or equal to 1000"),
    ({"type": "cash", "risk": {"leveragePercent": 200}}, "A cash account has no leverage"),
    ({"credentials": {"scopes": ["admin"]}}, 'supported values: "read", "trade", "funds"'),
    ({"credentials": {"scopes": []}}, "should have at least 1 items"),
    ({"credentials": {"secretName": "Ada!"}}, "lower case letters, digits, - and ."),
    ({"deletionPolicy": "Delete"}, 'supported values: "Retain", "Close"'),
    ({"nickname": "ada"}, 'unknown field "spec.nickname"'),
]


@pytest.mark.parametrize(("changed", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_a_wrong_account_is_rejected(cluster: Cluster, changed: dict[str, Any], sentence: str) -> None:
    assert sentence in cluster.refused(account("wrong", "default", **changed))


def test_a_long_name_is_rejected(cluster: Cluster) -> None:
    assert "at most 63 characters" in cluster.refused(account("a" * 64, "default"))


FIXED: list[tuple[dict[str, Any], str]] = [
    ({"type": "cash"}, "type cannot be changed. Make another TradingAccount."),
    ({"currency": "EUR"}, "currency cannot be changed"),
    ({"startingCash": "1"}, "startingCash cannot be changed, because it was deposited"),
    ({"startingCash": None, "adopt": UUID}, "startingCash cannot be changed"),
    ({"credentials": {"secretName": "other"}}, "credentials.secretName cannot be changed"),
]


@pytest.mark.parametrize(("changed", "sentence"), FIXED, ids=[sentence for _, sentence in FIXED])
def test_immutable_account_fields_cannot_change(
    cluster: Cluster, namespace: str, changed: dict[str, Any], sentence: str
) -> None:
    cluster.apply(account("fixed", namespace))
    assert sentence in cluster.refused(account("fixed", namespace, **changed))


WRONG_STREAMS = [
    ({"stream": "ORDERS"}, "ORDERS and UPDATES belong to the engine"),
    ({"stream": "ORDERS_EU"}, "ORDERS and UPDATES belong to the engine"),
    ({"stream": "UPDATES"}, "ORDERS and UPDATES belong to the engine"),
    ({"stream": "OBJ_ENGINE"}, "the engine keeps its snapshots there"),
    ({"stream": "KV_X"}, "Choose another name"),
    ({"stream": "signals"}, "stream must consist of capital letters"),
    ({"subjects": []}, "should have at least 1 items"),
    ({"subjects": ["orders.main"]}, "A subject must not begin with orders"),
    ({"subjects": ["engine.>"]}, "A subject must not begin with orders"),
    ({"subjects": ["*.main"]}, "A subject must not begin with orders"),
    ({"subjects": [">"]}, "A subject consists of words"),
    ({"subjects": ["$JS.API.>"]}, "A subject consists of words"),
    ({"subjects": ["a..b"]}, "A subject consists of words"),
    ({"storage": "tape"}, 'supported values: "memory", "file"'),
    ({"replicas": 2}, "replicas must be 1, 3 or 5"),
    ({"maxAge": "1 day"}, "a number followed by ms, s, m or h"),
    ({"discard": "new"}, "discard new needs maxBytes or maxMessages"),
    ({"consumers": [{"name": "a b"}]}, "A consumer's name consists of letters, digits, - and _"),
    ({"consumers": [{"name": "a"}, {"name": "a"}]}, "Duplicate value"),
]


@pytest.mark.parametrize(("changed", "sentence"), WRONG_STREAMS, ids=[f"{c}" for c, _ in WRONG_STREAMS])
def test_a_wrong_stream_is_rejected(cluster: Cluster, changed: dict[str, Any], sentence: str) -> None:
    wrong = {"stream": "SIGNALS", **changed}
    assert sentence in cluster.refused(stream("wrong", "default", wrong.pop("stream"), **wrong))


def test_immutable_stream_fields_cannot_change(cluster: Cluster, namespace: str) -> None:
    cluster.apply(stream("fixed", namespace, "FIXED"))
    for changed, sentence in (
        ({"stream": "OTHER"}, "stream cannot be changed"),
        ({"storage": "file"}, "storage cannot be changed"),
        ({"retention": "interest"}, "retention cannot be changed"),
    ):
        spec = {"stream": "FIXED", **changed}
        assert sentence in cluster.refused(stream("fixed", namespace, spec.pop("stream"), **spec))


def test_the_examples_are_accepted(cluster: Cluster, namespace: str) -> None:
    for name in ("account", "stream"):
        file = ROOT / "k8s" / "examples" / f"{name}.yaml"
        cluster.kubectl("apply", "-n", namespace, "--dry-run=server", "-f", str(file))
