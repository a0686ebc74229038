"""Where the test cluster keeps its files, and what it consists of."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
KUBERNETES, NODE_IP, DOMAIN = "v1.34.4", "10.243.0.1", "cluster.local"
DEVICE = "kube-test0"
TAINT = {"key": "cift.markets/dedicated", "value": "matching", "effect": "NoSchedule"}


def cache() -> Path:
    """The folder that all clones share: CIFT_CACHE, else `cift` in the user's cache folder."""
    named = os.environ.get("CIFT_CACHE")
    if named:
        return Path(named).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cift"


HOME = Path(os.environ.get("CIFT_CLUSTER_HOME") or cache() / "cluster")
"""The cluster's own folder: builds in `bin`, state of the running cluster in `run`."""
BIN, RUN = HOME / "bin", HOME / "run"
PKI, LOGS = RUN / "pki", RUN / "logs"
KUBECONFIG = RUN / "kubeconfig"


@dataclass(frozen=True)
class Node:
    """A node. `pods` is the subnet of its pods; `dedicated`: only the matching engine runs there."""

    name: str
    address: str
    kubelet_port: int
    health_port: int
    pods: str
    dedicated: bool

    @property
    def label(self) -> str:
        return f"{TAINT['key']}={TAINT['value']}" if self.dedicated else ""

    @property
    def taints(self) -> list[dict[str, Any]]:
        return [TAINT] if self.dedicated else []

    @property
    def socket(self) -> Path:
        """containerd's socket. A unix socket's path has a limit of about 100 characters."""
        return Path(f"/run/cift-{self.name}.sock")

    @property
    def state(self) -> Path:
        """containerd's state folder."""
        return Path(f"/run/cift-{self.name}")


NODES = {
    node.name: node
    for node in (
        Node("general", NODE_IP, 10250, 10248, "10.244.0.0/24", dedicated=False),
        Node("engine-a", "10.243.0.2", 10350, 10348, "10.244.1.0/24", dedicated=True),
        Node("engine-b", "10.243.0.3", 10450, 10448, "10.244.2.0/24", dedicated=True),
    )
}
