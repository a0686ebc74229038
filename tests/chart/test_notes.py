"""What helm says after an installation holds for what was installed: names, ports, commands.

Helm prints the notes only when it installs; here the same text is rendered into a ConfigMap of a copy.
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


WAYS: dict[str, tuple[tuple[str, ...], dict[str, Any], list[str], list[str]]] = {
    "as it comes": (
        (),
        {},
        ["port-forward service/cift-gateway 8000:80", "URL=http://127.0.0.1:8000", "plain HTTP", "no backup"],
        ["LoadBalancer", "networkPolicy", "auth/register", "-H 'Host"],
    ),
    "production": (
        ("values-production.yaml",),
        {"backup": {"enabled": True}},
        ["Point the name exchange.example.com", "URL=https://exchange.example.com", "17 3 * * *"],
        ["port-forward", "plain HTTP", "Stores run in the cluster", "no backup"],
    ),
    "any host behind a balancer": (
        (),
        {"gateway": {"service": {"type": "LoadBalancer", "port": 8080}}},
        ["URL=http://$ADDRESS:8080"],
        ["port-forward", "Point the name"],
    ),
    "port of a node": (
        (),
        {"gateway": {"service": {"type": "NodePort"}, "hosts": ["x.example.org"]}},
        ["nodePort", "-H 'Host: x.example.org'"],
        ["port-forward"],
    ),
    "a certificate and a tunnel": (
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
    "nothing but functions": (
        (),
        {"operator": {"enabled": False}, "relay": {"enabled": False}, "networkPolicy": {"enabled": False}},
        ["auth/register", "relay.enabled is false", "networkPolicy.enabled is false"],
        ["TradingAccount", "ada-credentials"],
    ),
    "a market": (
        (),
        {"market": {"source": "replay"}},
        ["on Knative (", " of them Deployments)"],
        ["No market"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", list(WAYS))
def test_the_notes_are_true(way: str, tmp_path: Path) -> None:
    files, values, said, unsaid = WAYS[way]
    text = notes(tmp_path, *files, **values)
    rendered = render(*files, **values)
    for each in said:
        assert each in text, text
    for each in unsaid:
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
