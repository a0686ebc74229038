"""The cluster of the operator's tests. They use it with kubectl, as users do."""

import base64
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cift.run.privilege import before_exec
from cift.run.servers import free_port
from operators import permissions
from operators.trading_account.plan import ADOPTIONS
from tests.operators.control_plane import ControlPlane, kubectl
from tests.stack import ROOT, Stack, eventually
from tests.target import DEADLINE_S

STOP_TIMEOUT_S = DEADLINE_S
SETTLE_TIMEOUT_S = DEADLINE_S
OPERATOR = "cift-operator"
_numbers = itertools.count(1)
Object = dict[str, Any]


class Running:
    """An operator that runs in its own process."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path, url: str) -> None:
        self.process, self.log, self.url = process, log, url

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def output(self) -> str:
        """Everything the operator has logged."""
        return self.log.read_text()

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, f"the operator ended:\n{self.output[-3000:]}"
            return httpx.get(f"{self.url}/ready", timeout=DEADLINE_S).status_code == 200

        eventually(ready, f"the operator is ready; see {self.log}", SETTLE_TIMEOUT_S)

    def metric(self, line: str) -> float:
        """The value of a metric at /metrics. `line` is its name with labels. Raises KeyError if absent."""
        for each in httpx.get(f"{self.url}/metrics", timeout=DEADLINE_S).text.splitlines():
            name, _, value = each.rpartition(" ")
            if name == line:
                return float(value)
        raise KeyError(line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT_S)


class Cluster:
    """A cluster with our kinds. `plane` is the tests' own control plane, None for an existing cluster."""

    def __init__(self, kubeconfig: Path, plane: ControlPlane | None, folder: Path) -> None:
        self.kubeconfig, self.plane, self.folder = kubeconfig, plane, folder
        self.operator_kubeconfig = kubeconfig
        self.home = "default" if plane is not None else "cift"
        """The namespace of the exchange."""

    def install(self) -> None:
        """Define the kinds, and give the operator exactly the permissions of permissions.py."""
        for file in sorted((ROOT / "charts" / "cift-crds" / "templates").glob("*.yaml")):
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        names = [f"crd/{kind}.cift.markets" for kind in ("tradingaccounts", "marketstreams")]
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
        if self.plane is None:
            return  # the chart installed the operator's permissions
        role: Object = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": OPERATOR},
            "rules": [*permissions.RULES, *permissions.CLUSTER_RULES],
        }
        binding: Object = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": OPERATOR},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OPERATOR},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": OPERATOR}],
        }
        own = {**role, "kind": "Role", "rules": permissions.OWN_RULES}
        own["metadata"] = {"name": OPERATOR, "namespace": self.home}
        own_binding = {**binding, "kind": "RoleBinding", "metadata": own["metadata"]}
        own_binding["roleRef"] = {**binding["roleRef"], "kind": "Role"}
        self.apply(role, binding, own, own_binding)
        self.operator_kubeconfig = self.plane.user(OPERATOR)

    def operator(self, exchange: Stack, *, wait: bool = True, **settings: str) -> Running:
        """Start an operator of this exchange. `settings` are CIFT_OPERATOR_ variables."""
        run = exchange.run_file
        port = free_port()
        given = {"port": str(port), "sweep_s": "2", "namespace": "default", "url": exchange.url, **settings}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CIFT_")}
        environment |= {f"CIFT_OPERATOR_{name.upper()}": value for name, value in given.items()}
        environment |= {
            "KUBECONFIG": str(self.operator_kubeconfig),
            "CIFT_POSTGRES_URL": run["postgres_url"],
            "CIFT_NATS_URL": run["nats_url"],
            "CIFT_VALKEY_URL": run["valkey_url"],
            "CIFT_DATA": str(self.folder / "no-data"),
            "CIFT_BCRYPT_ROUNDS": "4",
        }
        log = self.folder / f"operator{next(_numbers)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "operators"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                preexec_fn=before_exec(signal.SIGTERM, drop_root=False),
            )
        running = Running(process, log, f"http://127.0.0.1:{port}")
        if wait:
            running.wait_ready()
        return running

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        return kubectl(self.kubeconfig, *arguments, input=input, check=check)

    def apply(self, *objects: Object) -> None:
        """Apply objects with kubectl. They must be accepted."""
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", input=json.dumps(document))

    def refused(self, resource: Object) -> str:
        """The error message for a resource that the API server must reject."""
        done = self.kubectl("apply", "-f", "-", input=json.dumps(resource), check=False)
        assert done.returncode != 0, f"the API server accepted {resource}"
        return done.stderr

    def get(self, kind: str, name: str, namespace: str) -> Object | None:
        done = self.kubectl("get", kind, name, "-n", namespace, "-o", "json", "--ignore-not-found")
        found: Object | None = json.loads(done.stdout) if done.stdout.strip() else None
        return found

    def list(self, kind: str, namespace: str) -> list[Object]:
        found: list[Object] = json.loads(self.kubectl("get", kind, "-n", namespace, "-o", "json").stdout)[
            "items"
        ]
        return found

    def patch(self, kind: str, name: str, namespace: str, change: Object) -> None:
        """Apply a merge patch. It must be accepted."""
        self.kubectl("patch", kind, name, "-n", namespace, "--type=merge", "-p", json.dumps(change))

    def delete(self, kind: str, name: str, namespace: str, *, wait: bool = True) -> None:
        self.kubectl("delete", kind, name, "-n", namespace, f"--wait={str(wait).lower()}", "--timeout=60s")

    def events(self, name: str, namespace: str) -> dict[str, str]:
        """The events of a resource: the newest message by reason."""
        found = self.list("events", namespace)
        own = [each for each in found if each["involvedObject"]["name"] == name]
        return {
            each["reason"]: each["message"] for each in sorted(own, key=lambda each: each["eventTime"] or "")
        }

    def grant(self, account_id: str, namespace: str) -> None:
        """Let resources of a namespace adopt an account."""
        done = self.kubectl("create", "configmap", ADOPTIONS, "-n", self.home, check=False)
        assert done.returncode == 0 or "already exists" in done.stderr, done.stderr
        self.patch("configmap", ADOPTIONS, self.home, {"data": {account_id: namespace}})

    @contextmanager
    def namespace(self) -> Iterator[str]:
        name = f"test-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        try:
            yield name
        finally:
            for kind in ("tradingaccounts", "marketstreams"):
                for each in self.list(kind, name):
                    if each["metadata"].get("finalizers"):  # do not wait for what a test left behind
                        self.patch(kind, each["metadata"]["name"], name, {"metadata": {"finalizers": None}})
            self.kubectl("delete", "namespace", name, "--wait=false")

    def until(
        self,
        kind: str,
        name: str,
        namespace: str,
        check: Callable[[Object], Any],
        what: str,
        timeout_s: float = SETTLE_TIMEOUT_S,
    ) -> Object:
        """Wait until `check` holds for the resource, and return it."""
        last: Object | None = None

        def look() -> Object | None:
            nonlocal last
            last = self.get(kind, name, namespace)
            return last if last is not None and check(last) else None

        try:
            found: Object = eventually(look, what, timeout_s)
        except AssertionError as failed:
            raise AssertionError(
                f"{failed}\nlast status: {json.dumps((last or {}).get('status'), indent=1)}"
            ) from None
        return found

    def account(self, name: str, namespace: str, timeout_s: float = SETTLE_TIMEOUT_S) -> Object:
        """Wait until the present spec of a TradingAccount is in effect, and return the resource."""
        return self.until("tradingaccount", name, namespace, settled, f"{name} is Ready", timeout_s)

    def stream(self, name: str, namespace: str) -> Object:
        return self.until("marketstream", name, namespace, settled, f"{name} is Ready")

    def secret(self, name: str, namespace: str) -> dict[str, str]:
        """The decoded data of a Secret."""
        found = self.get("secret", name, namespace)
        assert found is not None, f"there is no Secret {name}"
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


def account(name: str, namespace: str, **spec: Any) -> Object:
    """A TradingAccount as users write it. A field with the value None is omitted."""
    whole = {"owner": "ada@example.org", "type": "margin", "startingCash": "100000.00", **spec}
    return resource("TradingAccount", name, namespace, whole)


def stream(name: str, namespace: str, stream: str, **spec: Any) -> Object:
    """A MarketStream with one subject of its namespace."""
    whole = {
        "stream": stream,
        "subjects": [tenant_subject(namespace, f"{stream.lower()}.>")],
        "storage": "memory",
        **spec,
    }
    return resource("MarketStream", name, namespace, whole)


def tenant_stream(namespace: str, stream: str) -> str:
    """The name in NATS of a namespace's stream."""
    return f"{namespace.upper().replace('-', '_')}_{stream}"


def tenant_subject(namespace: str, subject: str) -> str:
    return f"tenants.{namespace}.{subject}"


def resource(kind: str, name: str, namespace: str, spec: Object) -> Object:
    return {
        "apiVersion": "cift.markets/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {key: value for key, value in spec.items() if value is not None},
    }


def condition(resource: Object, type: str) -> Object:
    """A condition of a resource, with None for all fields if the resource does not have it."""
    found = [each for each in resource.get("status", {}).get("conditions", []) if each["type"] == type]
    assert len(found) <= 1
    return found[0] if found else {"status": None, "reason": None, "message": None}


def settled(resource: Object) -> bool:
    """Whether the operator has reconciled the present spec, successfully."""
    ready = condition(resource, "Ready")
    return bool(
        ready["status"] == "True"
        and resource["status"]["observedGeneration"] == resource["metadata"]["generation"]
        and ready["observedGeneration"] == resource["metadata"]["generation"]
    )
