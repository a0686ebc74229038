"""Secrets are mounted as files. No pod has one in its environment, which a crash dump would show."""

from typing import Any

import pytest

from tests.chart.helm import Object, render, secrets, templates

LIVE = {"source": "alpaca", "existingSecret": "mine"}
STORES = {"clickhouse": {"existingSecret": "analytics"}, "questdb": {"existingSecret": "quest"}}


def pod_specs(rendered: list[Object]) -> dict[str, Object]:
    return {name: template["spec"] for name, template in templates(rendered)}


@pytest.mark.parametrize("values", [{}, {"market": LIVE, **STORES, "backup": {"enabled": True}}])
def test_no_environment_contains_a_secret(values: dict[str, Any]) -> None:
    found = pod_specs(render(**values))
    assert len(found) > 50
    for name, pod in found.items():
        for container in pod["containers"]:
            assert "envFrom" not in container, name
            for each in container.get("env", []):
                assert "secretKeyRef" not in each.get("valueFrom", {}), f"{name}: {each}"
                assert "://" not in each.get("value", "") or each["name"] in ("CIFT_OPERATOR_URL",), each


def test_each_pod_has_the_credentials_of_its_own_stores_only() -> None:
    pods = pod_specs(render(market=LIVE, **STORES))
    postgres, valkey = ("cift-postgres", "url"), ("cift-valkey", "url")
    assert secrets(pods["cift-matchd"]) == {"CIFT_NATS_URL": ("cift-nats", "url-engine")}
    assert secrets(pods["cift-relay"]) == {"CIFT_NATS_URL": ("cift-nats", "url-relay")}
    assert secrets(pods["cift-migrate"]) == {"CIFT_POSTGRES_URL": postgres}
    assert secrets(pods["cift-operator"]) == {
        "CIFT_POSTGRES_URL": postgres,
        "CIFT_NATS_URL": ("cift-nats", "url-operator"),
        "CIFT_VALKEY_URL": valkey,
    }
    assert secrets(pods["trading-place-order"])["CIFT_NATS_URL"] == ("cift-nats", "url-functions")
    assert secrets(pods["platform-health"]) == {}
    archiving = [secrets(pod) for name, pod in pods.items() if name.startswith("history-archive")]
    assert archiving and all(each["CIFT_CLICKHOUSE_URL"] == ("analytics", "url") for each in archiving)


def test_clickhouse_in_the_cluster_gets_a_generated_secret() -> None:
    pods = pod_specs(render("values-dev.yaml"))
    (job,) = pods["cift-secrets"]["containers"]
    assert "clickhouse=8123" in job["args"]
    urls = {name: secrets(pod).get("CIFT_CLICKHOUSE_URL") for name, pod in pods.items()}
    assert {source for source in urls.values() if source} == {("cift-clickhouse", "url")}
    assert urls["history-archive-executions"] and urls["history-list-bars"]
    volumes = pods["cift-clickhouse"]["volumes"]
    (name,) = [each["secret"]["secretName"] for each in volumes if each["name"] == "secret"]
    assert name == "cift-clickhouse"
