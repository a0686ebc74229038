"""Knative Serving from its Go modules' manifests, with our ingress; and a check from zero."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.cluster.local.control_plane import SERVER
from tests.cluster.local.images import load_binary
from tests.cluster.local.places import BIN, HOME, NODE_IP, PKI, RUN
from tests.cluster.local.processes import must_be_up, start, wait_for
from tests.cluster.local.shell import apply, apply_text, get, kubectl, output, report, run
from tests.cluster.local.tools import KNATIVE, PROGRAMS, envoy_binary

NAMESPACE = "knative-serving"
DEPLOYMENTS = tuple(name for name in KNATIVE if name != "queue")
SETTINGS = {
    "config-deployment": {
        "queue-sidecar-image": "dev.local/knative-queue:1",
        "registries-skipping-tag-resolving": "dev.local,kind.local,docker.io,index.docker.io",
    },
    "config-network": {"ingress-class": "kourier.ingress.networking.knative.dev"},
    "config-domain": {"127.0.0.1.sslip.io": ""},
}
GATEWAY_PORTS = {"kourier": 8080, "kourier-internal": 8081}
CHECKS = 3
HELLO = """package main
import ("fmt"; "net/http"; "os")
func main() {
  http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "hello") })
  http.ListenAndServe(":"+os.Getenv("PORT"), nil)
}
"""


def load_images() -> None:
    for name in KNATIVE:
        load_binary(f"dev.local/knative-{name}:1", f"knative-{name}", f"/ko-app/{name}")


def install() -> None:
    """Apply Knative's manifests with our images, its settings, and the gateway."""
    modules = (_module(f"knative.dev/{name}") for name in ("serving", "networking", "caching"))
    serving, networking, caching = modules
    core = serving / "config/core"
    texts = {
        file: _with_our_images(file.read_text())
        for folder in (core, networking / "config", caching / "config")
        for file in sorted(folder.rglob("*.yaml"))
        if not file.name.endswith("-hpa.yaml")
    }
    definition = "kind: CustomResourceDefinition"
    definitions = [text for text in texts.values() if definition in text]
    rest = [text for file, text in texts.items() if definition not in text and file.name != "999-cache.yaml"]
    namespace = (core / "100-namespace.yaml").read_text()
    for stage in ([namespace], definitions, rest):
        apply_text("\n---\n".join(stage))
    for name, data in SETTINGS.items():
        _patch("configmap", name, {"data": data})
    # The machine is small, so Knative's own pods get lower requests.
    for name in DEPLOYMENTS:
        kubectl(
            *("set", "resources", f"deployment/{name}", "-n", NAMESPACE, "--requests=cpu=20m,memory=40Mi"),
            stdout=subprocess.DEVNULL,
        )
    _start_ingress()


def wait_ready() -> None:
    for name in DEPLOYMENTS:
        kubectl(
            *("rollout", "status", f"deployment/{name}", "-n", NAMESPACE, "--timeout=240s"),
            stdout=subprocess.DEVNULL,
        )


def _module(name: str) -> Path:
    """The folder of a Go module's source."""
    return Path(output("go", "list", "-m", "-f", "{{.Dir}}", name, cwd=PROGRAMS))


def _with_our_images(text: str) -> str:
    for name in KNATIVE:
        text = text.replace(f"ko://knative.dev/serving/cmd/{name}", f"dev.local/knative-{name}:1")
    return text


def _patch(kind: str, name: str, change: dict[str, Any]) -> None:
    """Patch an object, again until it succeeds: Knative's webhook checks ConfigMaps, and on a busy machine
    its first pod registers before its Service can be reached."""
    command = ("patch", kind, name, "-n", NAMESPACE, "--type=merge", "-p", json.dumps(change))
    wait_for(f"the change of {kind} {name}", lambda: kubectl(*command, stdout=subprocess.DEVNULL))


def _start_ingress() -> None:
    """Kourier's Services, with Envoy on this machine as endpoint, and the process that configures Envoy."""
    system = "kourier-system"
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": system}},
    ]
    for name, port in GATEWAY_PORTS.items():
        metadata = {"name": name, "namespace": system}
        ports = [{"name": "http2", "port": 80, "targetPort": port}]
        objects.append(
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": ports}}
        )
        objects.append(
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "addressType": "IPv4",
                "metadata": {**metadata, "labels": {"kubernetes.io/service-name": name}},
                "endpoints": [{"addresses": [NODE_IP]}],
                "ports": [{"name": "http2", "port": port, "protocol": "TCP"}],
            }
        )
    apply(*objects)
    module = (sys.executable, "-uB", "-m", "tests.cluster.local.ingress")
    start("ingress", *module, SERVER, PKI, RUN / "ingress", envoy_binary(), NODE_IP)


def check() -> None:
    """A Knative Service, made for this check, answers from zero."""
    must_be_up()
    _build_hello()
    load_binary("dev.local/hello:1", "hello", "/hello")
    template = {
        "metadata": {"annotations": {"autoscaling.knative.dev/window": "6s"}},
        "spec": {"containers": [{"image": "dev.local/hello:1"}]},
    }
    apply(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "hello", "namespace": "default"},
            "spec": {"template": template},
        }
    )

    def is_ready() -> bool:
        conditions = get("ksvc", "hello")["status"]["conditions"]
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def has_no_pods() -> bool:
        pods = get("pods", "-l", "serving.knative.dev/service=hello")["items"]
        return all("deletionTimestamp" in pod["metadata"] for pod in pods)  # one that drains does not answer

    wait_for("the Knative Service", is_ready)
    host = get("ksvc", "hello")["status"]["url"].removeprefix("http://")
    for _ in range(CHECKS):
        wait_for("scale to zero", has_no_pods)
        began = time.monotonic()
        body = output("curl", "-sf", "--max-time", "60", "-H", f"Host: {host}", "http://127.0.0.1:8080/")
        report(f"answered {body!r} from zero in {time.monotonic() - began:.2f} s")
        assert body == "hello"
    kubectl("delete", "ksvc", "hello", stdout=subprocess.DEVNULL)


def _build_hello() -> None:
    if (BIN / "hello").exists():
        return
    folder = HOME / "hello"
    folder.mkdir(exist_ok=True)
    (folder / "main.go").write_text(HELLO)
    run("go", "build", "-o", BIN / "hello", "main.go", cwd=folder, env={**os.environ, "CGO_ENABLED": "0"})
