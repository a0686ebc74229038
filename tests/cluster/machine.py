"""The cluster that the tests run on: one that CIFT_KUBECONFIG names, or the test cluster of this machine.

The test cluster (tests/cluster/local) is a real Kubernetes with Knative in processes of this machine. Only
there can a test lose a node, freeze a process or kill the API server; on another cluster those tests are
skipped.
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

UP_TIMEOUT_S = 3600.0  # the first time it builds Kubernetes
COMMAND_TIMEOUT_S = 600.0
RESTARTS_MAX = 5
STAYS_S = 2.0
# Of Knative's own defaults two do not suit two cores: a pod of every function at each upgrade, and 25m of CPU
# asked for by each queue-proxy. A cluster's administrator sets both as we do here.
KNATIVE = {
    "config-autoscaler": {"allow-zero-initial-scale": "true"},
    "config-deployment": {"queue-sidecar-cpu-request": "5m"},
}

# A Service whose only pod has just ended has no rule for a moment: what these tests send it then ends at the
# cluster's own device, where nobody answers, and not at the machine's way out, where a stranger may.
SERVICES_ROUTE = ("10.96.0.0/16", "dev", "kube-test0")


@contextmanager
def stage(what: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    print(f"── {what} …", flush=True)
    began = time.monotonic()
    yield
    print(f"── {what}: {time.monotonic() - began:.1f} s", flush=True)


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
        """Bring it up (building it where it never was), and set Knative as KNATIVE says."""
        subprocess.run([*self.command, "up"], cwd=ROOT, check=True, timeout=UP_TIMEOUT_S)
        subprocess.run(["ip", "route", "replace", *SERVICES_ROUTE], check=True, timeout=COMMAND_TIMEOUT_S)
        for name, data in KNATIVE.items():
            settings = ",".join(f'"{key}":"{value}"' for key, value in data.items())
            change = f'{{"data":{{{settings}}}}}'

            def accepted(name: str = name, change: str = change) -> bool:
                """The webhook that checks it may still be starting."""
                done = kubectl(
                    self.kubeconfig,
                    *("patch", "configmap", name, "-n", "knative-serving", "--type=merge", "-p", change),
                    check=False,
                )
                return done.returncode == 0

            eventually(accepted, f"{name} is set", 120, poll_s=2)

    def down(self) -> None:
        self.run("down")

    # ── faults ──────────────────────────────────────────────────────────────────────────────────
    def stop(self, process: str, how: str = "TERM") -> None:
        self.run("stop", process, how)

    def restart(self, process: str) -> None:
        """Start it again, anew where it ends at once: a kubelet does before its containerd is ready."""
        for _ in range(RESTARTS_MAX):
            self.run("restart", process)
            told = json.loads((RUN / f"{process}.process").read_text())
            time.sleep(STAYS_S)
            command = Path(f"/proc/{told['pid']}/cmdline")
            if command.exists() and command.read_bytes():  # a zombie's is empty
                return
        raise AssertionError(f"{process} ends at once, {RESTARTS_MAX} times")

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
        """Signal everything that runs in a node's pods; how many there were."""
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
