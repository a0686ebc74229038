"""A node: its own containerd, network bridge, cgroup and kubelet."""

import json
import os
from pathlib import Path
from typing import Any

from tests.cluster.local.images import ctr
from tests.cluster.local.places import BIN, DOMAIN, KUBECONFIG, NODE_IP, PKI, RUN, Node
from tests.cluster.local.processes import start, wait_for

CGROUPS = Path("/sys/fs/cgroup")


def start_node(node: Node) -> None:
    root = RUN / node.name
    (root / "cni").mkdir(parents=True, exist_ok=True)
    (root / "cni/10-bridge.conflist").write_text(json.dumps(_network(node, root)))
    (root / "containerd.toml").write_text(_containerd(node, root))
    (root / "kubelet.json").write_text(json.dumps(_kubelet(node, root)))
    _make_cgroups(node)
    start(f"containerd-{node.name}", "containerd", "--config", root / "containerd.toml")
    wait_for(f"containerd of node {node.name}", lambda: ctr(node.name, "version", quiet=True))
    labels = [f"--node-labels={node.label}"] if node.label else []
    start(
        *(f"kubelet-{node.name}", BIN / "kube", "kubelet", f"--config={root}/kubelet.json"),
        *(f"--kubeconfig={KUBECONFIG}", f"--root-dir={root}/kubelet"),
        *(f"--hostname-override={node.name}", f"--node-ip={node.address}", *labels, "--v=1"),
    )


def _network(node: Node, root: Path) -> dict[str, Any]:
    bridge = {
        "type": "bridge",
        "bridge": f"cni-{node.name}",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": node.pods}]],
            "dataDir": str(root / "ipam"),
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": f"bridge-{node.name}", "plugins": [bridge, ports]}


def _containerd(node: Node, root: Path) -> str:
    return f"""version = 2
root = "{root}/containerd"
state = "{node.state}"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
address = "{node.socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "dev.local/pause:1"
stream_server_port = "0"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{root}/cni"
"""


def _kubelet(node: Node, root: Path) -> dict[str, Any]:
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "port": node.kubelet_port,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": node.health_port,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/cift-{node.name}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": ["pods"],
        "containerRuntimeEndpoint": f"unix://{node.socket}",
        "clusterDNS": [NODE_IP],
        "clusterDomain": DOMAIN,
        "failSwapOn": False,
        "failCgroupV1": False,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(PKI / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(PKI / "kubelet.crt"),
        "tlsPrivateKeyFile": str(PKI / "kubelet.key"),
        "resolvConf": str(RUN / "resolv.conf"),
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "evictionHard": {"memory.available": "200Mi"},
        "registerWithTaints": node.taints,
        "serializeImagePulls": False,
        "podLogsDir": str(root / "pod-logs"),
    }
    if node.dedicated and (os.cpu_count() or 1) > 1:
        config |= {"cpuManagerPolicy": "static", "reservedSystemCPUs": "0"}  # whole cores for Guaranteed pods
    return config


def _make_cgroups(node: Node) -> None:
    """The node's cgroup below each controller of cgroup v1."""
    for controller in CGROUPS.iterdir():
        if controller.is_dir() and not controller.is_symlink() and controller.name != "unified":
            (controller / f"cift-{node.name}").mkdir(exist_ok=True)
    cpuset = CGROUPS / "cpuset"
    if cpuset.exists():
        for file in ("cpuset.cpus", "cpuset.mems"):
            (cpuset / f"cift-{node.name}" / file).write_text((cpuset / file).read_text())
