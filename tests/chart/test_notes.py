"""The notes that helm prints after an installation match the installation: names, ports, commands.

Helm prints the notes only when it installs. Here a copy of the chart renders the same text into a ConfigMap.
"""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.helm import CHART, NAMESPACE, RELEASE, helm, render


def notes(folder: Path, *files: str, **values: Any) -> str:
    copied = folder / "cift"
    shutil.copytree(CHART, copied)
    text = (copied / "templates/NOTES.txt").read_text()
    (copied / "templates/_notes.tpl").write_text('{{- define "notes" }}' + text + "{{ end }}")
    (copied / "templates/notes.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n"
        'data: {notes: {{ include "notes" . | quote }}}\n'
    )
    named = [argument for file in files for argument in ("-f", str(CHART / file))]
    done = helm(
        *("template", RELEASE, str(copied), "--namespace", NAMESPACE, "--kube-version", "1.31.0"),
        *("--set", "images.tag=t1", "-s", "templates/notes.yaml", *named, "-f", "-"),
        input=yaml.safe_dump(values),
    )
    assert done.returncode == 0, done.stderr
    found: str = yaml.safe_load(done.stdout)["data"]["notes"]
    return found


INSTALLATIONS: dict[str, tuple[tuple[str, ...], dict[str, Any], list[str], list[str]]] = {
    "defaults": (
        (),
        {},
        ["port-forward service/cift-gateway 8000:80", "URL=http://127.0.0.1", "plain HTTP", "no backups"],
        ["LoadBalancer", "networkPolicy", "auth/register", "-H 'Host"],
    ),
    "production": (
        ("values-production.yaml",),
        {"backup": {"enabled": True}},
        ["Make the name exchange.example.com resolve", "URL=https://exchange.example.com", "17 3 * * *"],
        ["port-forward", "plain HTTP", "stores run in the cluster", "no backups"],
    ),
    "a load balancer with any host": (
        (),
        {"gateway": {"service": {"type": "LoadBalancer", "port": 8080}}},
        ["URL=http://$ADDRESS:8080"],
        ["port-forward", "Make the name"],
    ),
    "a node port": (
        (),
        {"gateway": {"service": {"type": "NodePort"}, "hosts": ["x.example.org"]}},
        ["nodePort", "-H 'Host: x.example.org'"],
        ["port-forward"],
    ),
    "TLS through a port-forward": (
        (),
        {"gateway": {"tls": {"secretName": "tls"}, "hosts": ["x.example.org"]}},
        ["8000:443", "https://127.0.0.1:8000", "curl -sk -H 'Host: x.example.org'"],
        ["plain HTTP"],
    ),
    "without Knative": (
        (),
        {"mode": "deployment"},
        ["functions, each a Deployment."],
        ["Knative"],
    ),
    "functions only": (
        (),
        {"operator": {"enabled": False}, "relay": {"enabled": False}, "networkPolicy": {"enabled": False}},
        ["auth/register", "relay.enabled is false", "networkPolicy.enabled is false"],
        ["TradingAccount", "ada-credentials"],
    ),
    "a market": (
        (),
        {"market": {"source": "replay"}},
        ["on Knative (", " of them Deployments)"],
        ["There are no instruments"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("installation", list(INSTALLATIONS))
def test_the_notes_match_the_installation(installation: str, tmp_path: Path) -> None:
    files, values, present, absent = INSTALLATIONS[installation]
    text = notes(tmp_path, *files, **values)
    rendered = render(*files, **values)
    for each in present:
        assert each in text, text
    for each in absent:
        assert each not in text, text
    services = {each["metadata"]["name"]: each for each in rendered if each["kind"] == "Service"}
    for name in re.findall(r"get service (\S+)|port-forward service/(\S+)", text):
        assert "".join(name) in services
    for port in re.findall(r"port-forward \S+ 8000:(\d+)", text):
        assert int(port) == services["cift-gateway"]["spec"]["ports"][0]["port"]
    assert set(re.findall(r"kubectl -n (\S+)", text)) <= {NAMESPACE}
    routes = next(e for e in rendered if e["kind"] == "ConfigMap" and e["metadata"]["name"] == "cift-gateway")
    for path in re.findall(r"\$URL(/\S+)", text):
        assert f'"path":"{path}"' in routes["data"]["envoy.yaml"], path
    assert not [line for line in text.splitlines() if "<no value>" in line or "%!" in line]
