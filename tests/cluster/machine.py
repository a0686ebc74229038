"""The cluster for the tests: the one that CIFT_KUBECONFIG names, or the test cluster of this machine.

The test cluster (tests/cluster/local) is a real Kubernetes with Knative, as processes of this machine.
Only there can a test lose a node, freeze a process or kill the API server. On other clusters these tests
are skipped.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.local.places import BIN, KUBECONFIG, RUN
from tests.operators.control_plane import kubectl
from tests.stack import ROOT
from tests.target import eventually

UP_TIMEOUT_S = 3600.0  # the first start builds Kubernetes
COMMAND_TIMEOUT_S = 600.0
RESTARTS_MAX = 5
STAYS_S = 2.0
# Two of Knative's defaults do not suit two cores: each upgrade starts a pod of every function, and each
# queue-proxy requests 25m of CPU. A cluster's administrator can change both in the same way.
KNATIVE = {
    "config-autoscaler": {"allow-zero-initial-scale": "true"},
    "config-deployment": {"queue-sidecar-cpu-request": "5m"},
}

# For a moment a Service whose last pod has ended has no rule in kube-proxy. Packets to its address then
# go to the cluster's device, where they are dropped, and not to the machine's default gateway.
SERVICES_ROUTE = ("10.96.0.0/16", "dev", "kube-test0")


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Print the name of a stage, and how long it took."""
    print(f"{what} …", flush=True)
    began = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


class TestCluster:
    """The commands of tests/cluster/local."""

    __test__ = False
    command = (sys.executable, "-m", "tests.cluster.local")

    def run(self, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> str:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"cluster {' '.join(arguments)}: {done.stdout}{done.stderr}"[-4000:]
        return done.stdout

    @property
    def kubeconfig(self) -> Path:
        return KUBECONFIG

    @property
    def helm(self) -> Path:
        return BIN / "helm"

    def is_up(self) -> bool:
        return (RUN / "ingress.process").exists()

    def up(self) -> None:
        """Start the cluster, building it if necessary, and apply the settings KNATIVE."""
        subprocess.run([*self.command, "up"], cwd=ROOT, check=True, timeout=UP_TIMEOUT_S)
        subprocess.run(["ip", "route", "replace", *SERVICES_ROUTE], check=True, timeout=COMMAND_TIMEOUT_S)
        for name, data in KNATIVE.items():
            settings = ",".join(f'"{key}":"{value}"' for key, value in data.items())
            change = f'{{"data":{{{settings}}}}}'

            def accepted(name: str = name, change: str = change) -> bool:
                """False while the webhook that validates the change is still starting."""
                done = kubectl(
                    self.kubeconfig,
                    *("patch", "configmap", name, "-n", "knative-serving", "--type=merge", "-p", change),
                    check=False,
                )
                return done.returncode == 0

            eventually(accepted, f"{name} is set", 120, poll_s=2)

    def down(self) -> None:
        self.run("down")

    def stop(self, process: str, how: str = "TERM") -> None:
        self.run("stop", process, how)

    def restart(self, process: str) -> None:
        """Restart a process, several times if it ends immediately: a kubelet ends if its containerd is
        not ready."""
        for _ in range(RESTARTS_MAX):
            self.run("restart", process)
            state = json.loads((RUN / f"{process}.process").read_text())
            time.sleep(STAYS_S)
            command = Path(f"/proc/{state['pid']}/cmdline")
            if command.exists() and command.read_bytes():  # the command line of a zombie is empty
                return
        raise AssertionError(f"{process} ended within {STAYS_S:g} s after each of {RESTARTS_MAX} restarts")

    def pids(self, node: str, pod_uid: str, program: str) -> list[int]:
        """The processes of a pod on a node of this machine whose command begins with `program`."""
        found = []
        wanted = re.compile(re.escape(pod_uid).replace(r"\-", "[-_]"))
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                groups = (folder / "cgroup").read_text()
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"cift-{node}" in groups and wanted.search(groups) and words[0].decode() == program:
                found.append(int(folder.name))
        return found

    def signal_node(self, node: str, number: signal.Signals) -> int:
        """Signal all processes in a node's pods. Returns their number."""
        count = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"/cift-{node}/" in (folder / "cgroup").read_text():
                    os.kill(int(folder.name), number)
                    count += 1
            except OSError:
                continue
        return count


def each(action: Callable[[str], None], names: list[str]) -> None:
    for name in names:
        action(name)
