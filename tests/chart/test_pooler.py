"""The pooler: where functions connect, and how many connections the values allow."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cift.platform.postgres import address
from cift.platform.settings import Settings
from tests.chart.helm import CHART, environment, helm, named, render
from tests.stack import ROOT


def variables(rendered: list[dict[str, Any]], function: str) -> dict[str, str]:
    spec = named(rendered, "Service", function)["spec"]["template"]["spec"]
    return {each["name"]: each["value"] for each in spec["containers"][0]["env"] if "value" in each}


def test_functions_connect_to_the_pooler_and_everything_else_to_postgresql() -> None:
    rendered = render()
    assert variables(rendered, "trading-list-orders")["CIFT_POSTGRES_POOLER"] == "cift-pooler:6432"
    assert "CIFT_POSTGRES_POOLER" not in environment(named(rendered, "Deployment", "cift-operator"))
    direct = render(pooler={"enabled": False}, postgres={"maxConnections": 600})
    assert "CIFT_POSTGRES_POOLER" not in variables(direct, "trading-list-orders")
    assert not [each for each in direct if each["metadata"]["name"] == "cift-pooler"]


def test_the_hook_before_the_stop_outlasts_running_transactions() -> None:
    """SIGTERM during PgBouncer's shutdown ends it at once: the kubelet must not send it earlier."""
    pod = named(render(), "Deployment", "cift-pooler")["spec"]["template"]["spec"]
    (command,) = [each["lifecycle"]["preStop"]["exec"]["command"][-1] for each in pod["containers"]]
    found = re.fullmatch(r"import os,signal,time; os.kill\(1, signal.SIGINT\); time.sleep\((\d+)\)", command)
    assert found and 20 <= int(found[1]) < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ("pooler.connections=100", "can open 300 connections to PostgreSQL, but only 180 are available"),
        ("postgres.maxConnections=100", "can open 120 connections to PostgreSQL, but only 80"),
        ("pooler.enabled=false", "pooler.enabled is false, and the functions can open"),
    ],
)
def test_more_connections_than_the_server_accepts_are_refused(values: str, problem: str) -> None:
    done = helm(
        *("template", "cift", str(CHART), "--kube-version", "1.31.0"),
        *("--set", "images.tag=t1", "--set", values),
    )
    assert done.returncode != 0 and problem in done.stderr


def test_the_poolers_address_replaces_the_servers() -> None:
    url = "postgresql://cift:p%40ss@db.example.org:6000/cift?sslmode=verify-full&application_name=x"
    assert address(Settings(postgres_url=url)) == url
    assert (
        address(Settings(postgres_url=url, postgres_pooler="cift-pooler:6432"))
        == "postgresql://cift:p%40ss@cift-pooler:6432/cift?application_name=x&sslmode=disable"
    )


@pytest.fixture(scope="module")
def pooler() -> ModuleType:
    """k8s/pooler/pooler.py, which runs without our packages."""
    spec = importlib.util.spec_from_file_location("pooler", ROOT / "k8s/pooler/pooler.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_configuration_follows_the_url(pooler: ModuleType) -> None:
    ini, users = pooler.configuration(
        "postgresql://cift:a%22b%40c@db.example.org:6000/exchange?sslmode=require",
        Path("/run/pooler"), 6432, 40, 5000,
    )  # fmt: skip
    assert users == '"cift" "a""b@c"\n'
    assert "exchange = host=db.example.org port=6000 dbname=exchange user=cift" in ini.splitlines()
    lines = set(ini.splitlines())
    assert {"pool_mode = transaction", "server_tls_sslmode = require", "max_client_conn = 5000"} <= lines
    assert {"default_pool_size = 40", "max_db_connections = 40", "listen_port = 6432"} <= lines
    assert 'a"b' not in ini, "the password is in the file of users only"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgresql://cift@db/cift", "has no password"),
        ("postgresql:///cift", "has no host, user, password"),
        ("postgresql://cift:p@db/cift?sslmode=maybe", "sslmode is 'maybe'"),
        ("postgresql://cift:p@db/cift%20pool_mode=session", "may contain only letters"),
    ],
)
def test_a_url_that_pgbouncer_cannot_use_is_refused(pooler: ModuleType, url: str, problem: str) -> None:
    with pytest.raises(pooler.InvalidUrl, match=problem):
        pooler.configuration(url, Path("/run/pooler"), 6432, 40, 5000)
