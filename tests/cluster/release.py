"""The installed chart: helm commands, pods, Services, and the exchange behind its gateway."""

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import yaml

from tests.certificates import certificate_of
from tests.operators.cluster import Cluster, Object
from tests.stack import ROOT
from tests.target import Target, eventually

NAME = NAMESPACE = "cift"
CHART, DEFINITIONS = ROOT / "charts" / "cift", ROOT / "charts" / "cift-crds"
VALUES = (CHART / "values-dev.yaml", ROOT / "tests" / "cluster" / "values.yaml")
HELM_TIMEOUT_S = 900.0
READY_TIMEOUT_S = 300.0
REACH_TIMEOUT_S = 5.0
RESTARTS_MAX = 4
STORES = {
    "postgres_url": ("postgres", "url"),
    "nats_url": ("nats", "url-functions"),
    "valkey_url": ("valkey", "url"),
}


@dataclass(frozen=True)
class EnginePod:
    """One matchd pod with the role and epoch from its metrics. `role` is empty if it does not respond."""

    pod: str
    uid: str
    node: str
    role: str
    epoch: int


class Release(Target):
    """One release of the chart in the namespace `cift`."""

    def __init__(self, cluster: Cluster, helm: Path, folder: Path, tag: str) -> None:
        self.cluster, self._helm, self.folder, self.tag = cluster, helm, folder, tag
        self._addresses: dict[str, str] = {}

    def helm(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [str(self._helm), *arguments],
            env={**os.environ, "KUBECONFIG": str(self.cluster.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=HELM_TIMEOUT_S,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"helm {' '.join(arguments)}: {done.stderr[-3000:]}\n{self.diagnosis()}")
        return done

    def values(self, *sets: str) -> list[str]:
        """helm's arguments for the values of these tests. CIFT_TEST_SET="a=b c=d" adds values."""
        sets += tuple(os.environ.get("CIFT_TEST_SET", "").split())
        files = [part for file in VALUES for part in ("--values", str(file))]
        return [*files, "--set", f"images.tag={self.tag}", *(p for each in sets for p in ("--set", each))]

    @property
    def status(self) -> str:
        """helm's status (deployed, failed, …), empty if there is no release."""
        done = self.helm("status", NAME, "--namespace", NAMESPACE, "--output", "json", check=False)
        return str(json.loads(done.stdout)["info"]["status"]) if done.returncode == 0 else ""

    @property
    def is_current(self) -> bool:
        """Whether it is deployed with these images."""
        if self.status != "deployed":
            return False
        done = self.helm("get", "values", NAME, "--namespace", NAMESPACE, "--output", "json")
        return bool(json.loads(done.stdout)["images"]["tag"] == self.tag)

    def prepare_namespace(self) -> None:
        """Make the namespace. It admits only pods of the Pod Security Standard "restricted"."""
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}
        )

    def install(self, *sets: str) -> float:
        """Install both charts and wait until everything is ready. Returns the seconds it took."""
        began = time.monotonic()
        self.install_without_wait(*sets)
        self.wait_ready()
        return time.monotonic() - began

    def install_without_wait(self, *sets: str) -> None:
        """Install both charts without waiting for the pods."""
        self.prepare_namespace()
        self.helm("upgrade", "--install", f"{NAME}-crds", str(DEFINITIONS), "--namespace", NAMESPACE)
        self.helm(
            "install", NAME, str(CHART), "--namespace", NAMESPACE, *self.values(*sets), "--timeout", "15m"
        )
        self._addresses.clear()

    def job(self, template: str, name: str, timeout_s: float = 300.0) -> str:
        """Run a job from a CronJob's template. Returns its log."""
        self.kubectl("create", "job", f"--from=cronjob/{template}", name)

        def ended() -> str:
            done = self.get("job", name)["status"].get("conditions", [])
            last = {c["type"] for c in done if c["status"] == "True"} & {"Complete", "Failed"}
            return last.pop() if last else ""

        outcome = eventually(ended, f"job {name} ends", timeout_s, poll_s=1)
        log = self.kubectl("logs", f"job/{name}")
        assert outcome == "Complete", f"{name}: {outcome}: {log}"
        return log

    def uninstall(self) -> None:
        """Uninstall and wait until no pod is left."""
        self.helm("uninstall", NAME, "--namespace", NAMESPACE, "--wait", "--timeout", "5m")
        eventually(lambda: not self.pods(leaving=True), "no pod is left", 360, poll_s=2)

    def remove(self) -> None:
        """Uninstall, and delete the data: volumes and the namespace."""
        self.uninstall()
        self.kubectl("delete", "pvc", "--all", "--wait=true", "--timeout=120s")
        assert self.get("pvc")["items"] == []
        self.cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=110s")

    def upgrade(self, *sets: str) -> float:
        self._addresses.clear()
        began = time.monotonic()
        self.helm(
            "upgrade", NAME, str(CHART), "--namespace", NAMESPACE, *self.values(*sets), "--timeout", "15m"
        )
        return time.monotonic() - began

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True) -> str:
        return self.cluster.kubectl("-n", NAMESPACE, *arguments, input=input, check=check).stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    def pods(self, name: str = "", *, leaving: bool = False) -> list[Object]:
        """Pods of the release, with `name` only those with this label. Without `leaving`, terminating
        pods are omitted."""
        selector = f"app.kubernetes.io/instance={NAME}" + (f",app.kubernetes.io/name={name}" if name else "")
        found: list[Object] = self.get("pods", "-l", selector)["items"]
        return [pod for pod in found if leaving or "deletionTimestamp" not in pod["metadata"]]

    def diagnosis(self) -> str:
        """Pods, functions and jobs that are not ready, with events and logs: for the message of a failure."""
        wide = self.kubectl("get", "pods,ksvc,jobs", "-o", "wide", check=False)
        events = self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False).splitlines()
        bad = [
            line for line in wide.splitlines() if not any(w in line for w in ("Running", "True", "Completed"))
        ]
        logs = ""
        for pod in self.pods():
            waiting = [c for c in pod["status"].get("containerStatuses", []) if not c["ready"]]
            if waiting and pod["status"].get("phase") != "Succeeded":
                name = pod["metadata"]["name"]
                logs += f"\nlog of {name}:\n" + self.kubectl(
                    "logs", name, "--all-containers", "--tail=15", check=False
                )
        return "\n".join([*bad, *events[-15:], logs])[-6000:]

    def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait until every pod is ready and GET /ready returns 200."""

        def pods_ready() -> bool:
            pods = [p for p in self.pods() if p["status"].get("phase") != "Succeeded"]
            failing = [p["metadata"]["name"] for p in pods if _keeps_failing(p)]
            if failing:
                raise AssertionError(f"pods fail repeatedly: {', '.join(failing)}")
            return bool(pods) and all(_is_ready(pod) for pod in pods)

        try:
            eventually(pods_ready, "every pod is ready", timeout_s, poll_s=1)
            eventually(
                lambda: httpx.get(f"{self.url}/ready", timeout=60).status_code == 200,
                "/ready returns 200",
                timeout_s,
                0.5,
            )
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{self.diagnosis()}") from None

    def no_pods(self, name: str, timeout_s: float = 180.0) -> None:
        """Wait until a function has scaled to zero."""
        eventually(lambda: not self.pods(name, leaving=True), f"{name} has no pod", timeout_s, poll_s=1)

    def address(self, service: str) -> str:
        """host:port at which this machine reaches a Service."""
        if service not in self._addresses:
            host, port = self._host(service), self._port(service)["port"]
            try:
                socket.create_connection((host, port), REACH_TIMEOUT_S).close()
            except OSError as error:
                raise AssertionError(
                    f"cannot connect to {service} at {host}:{port} ({error}). These tests connect to Services"
                    " by their cluster IP: run them on a node, or route the cluster's network to this machine"
                ) from None
            self._addresses[service] = f"{host}:{port}"
        return self._addresses[service]

    def _host(self, service: str) -> str:
        return str(self.get("service", service)["spec"]["clusterIP"])

    def certify(self, secret: str) -> Path:
        """Make a Secret with a certificate for the gateway's address. Returns the path of a PEM file to
        trust."""
        certificate, key = certificate_of(self._host(f"{NAME}-gateway"))
        made = {"tls.crt": certificate, "tls.key": key}
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": secret, "namespace": NAMESPACE},
                "type": "kubernetes.io/tls",
                "stringData": {name: pem.decode() for name, pem in made.items()},
            }
        )
        trusted = self.folder / f"{secret}.pem"
        trusted.write_bytes(certificate)
        return trusted

    @property
    def url(self) -> str:
        service = f"{NAME}-gateway"
        return f"{self._port(service)['name']}://{self.address(service)}"

    def _port(self, service: str) -> Any:
        return self.get("service", service)["spec"]["ports"][0]

    def secret(self, name: str) -> dict[str, str]:
        return self.cluster.secret(name, NAMESPACE)

    def _store(self, store: str, key: str) -> str:
        given = urlsplit(self.secret(f"{NAME}-{store}")[key])
        user = given.netloc.rpartition("@")[0]
        return urlunsplit(given._replace(netloc=f"{user}@{self.address(f'{NAME}-{store}')}"))

    @property
    def stores(self) -> dict[str, str]:
        return {name: self._store(*where) for name, where in STORES.items()}

    @property
    def journal_url(self) -> str:
        return self._store("nats", "url-engine")

    def settings(self, **changed: Any) -> Any:
        return super().settings(**{"data": self.folder, **changed})

    def log_tail(self) -> str:
        return self.diagnosis()

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables with which tests/target.py tests this release."""
        stores = {f"CIFT_{name.upper()}": url for name, url in self.stores.items()}
        return {"CIFT_TEST_URL": self.url, "CIFT_TEST_JOURNAL_URL": self.journal_url, **stores}

    def engines(self) -> list[EnginePod]:
        return [_engine(pod) for pod in self.pods("matchd")]

    def leader(self, timeout_s: float = 60.0) -> EnginePod:
        """Wait until exactly one matchd reports that it leads, and return it."""

        def leading() -> EnginePod | None:
            found = [each for each in self.engines() if each.role == "leader"]
            return found[0] if len(found) == 1 else None

        found: EnginePod = eventually(leading, "exactly one matchd leads", timeout_s)
        return found

    def settled(self, timeout_s: float = 120.0) -> EnginePod:
        """Wait until there are a leader and a standby. Returns the leader."""
        eventually(
            lambda: sorted(each.role for each in self.engines()) == ["leader", "standby"],
            "a leader and a standby",
            timeout_s,
            0.2,
        )
        return self.leader()


def _is_ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def _keeps_failing(pod: Object) -> bool:
    """Whether a container was restarted at least RESTARTS_MAX times, or its image cannot be pulled."""
    for each in pod["status"].get("containerStatuses", []):
        why = each["state"].get("waiting", {}).get("reason", "")
        if why == "ImagePullBackOff" or (why == "CrashLoopBackOff" and each["restartCount"] >= RESTARTS_MAX):
            return True
    return False


def _engine(pod: Object) -> EnginePod:
    meta = pod["metadata"]
    role, epoch = "", 0
    address = pod["status"].get("podIP")
    try:
        assert address
        text = httpx.get(f"http://{address}:9101/metrics", timeout=2).text
        for line in text.splitlines():
            name, _, value = line.rpartition(" ")
            if name.startswith("matchd_role{") and value == "1":
                role = name.split('"')[1]
            if name == "matchd_epoch":
                epoch = int(float(value))
    except (httpx.HTTPError, AssertionError):
        role = ""
    return EnginePod(meta["name"], meta["uid"], pod["spec"].get("nodeName", ""), role, epoch)


def _declared(what: str) -> dict[str, Object]:
    found: dict[str, Object] = yaml.safe_load((CHART / "functions.gen.yaml").read_text())[what]
    return found


def functions() -> dict[str, Object]:
    """The chart's list of functions."""
    return _declared("functions")


def readers() -> dict[str, str]:
    """Paths by name of the functions that serve a plain GET of a user and scale to zero."""
    # Excluded: the tests' own waiting calls it; it needs a query; its response does not end.
    excluded = ("platform-ready", "market-data-list-quotes", "streams-stream-events")
    return {
        name: each["path"]
        for name, each in sorted(functions().items())
        if each["kind"] == "http"
        and each["method"] == "GET"
        and "{" not in each["path"]
        and each["scope"] in ("", "read")
        and each["scale"]["min"] == 0
        and "clickhouse" not in each["needs"]  # the release has no ClickHouse
        and name not in excluded
    }


def pages() -> dict[str, Object]:
    """The pages that the gateway serves itself, by path."""
    return _declared("pages")


def decode(text: str) -> str:
    return base64.b64decode(text).decode()


Check = Callable[[], Any]
