"""`down`: end every process of the cluster, and remove its mounts, devices, rules, cgroups and state."""

import json
import shutil
import signal
from pathlib import Path

from tests.cluster.local.images import ctr
from tests.cluster.local.node import CGROUPS
from tests.cluster.local.places import DEVICE, NODES, RUN, Node
from tests.cluster.local.processes import end, kill, running
from tests.cluster.local.shell import output, report, run


def down() -> None:
    found = running()
    kubelets = [name for name in found if name.startswith("kubelet")]  # first: they would start pods again
    others = [name for name in found if not name.startswith(("kubelet", "containerd"))]
    for name in (*kubelets, *others):
        end(name, found[name])
    for node in NODES.values():
        if f"containerd-{node.name}" in found:
            _remove_containers(node)
            end(f"containerd-{node.name}", found[f"containerd-{node.name}"])
    _kill_leftovers()
    _unmount()
    _remove_network()
    shutil.rmtree(RUN, ignore_errors=True)
    for file in Path("/var/log/containers").glob("*.log"):
        if file.is_symlink() and str(file.readlink()).startswith(str(RUN)):
            file.unlink()
    for node in NODES.values():
        _remove_node(node)
    report("down")


def _remove_containers(node: Node) -> None:
    for task in _listed(node, "tasks", "ls", "-q"):
        ctr(node.name, "tasks", "kill", "-s", "SIGKILL", task, check=False, quiet=True)
        ctr(node.name, "tasks", "rm", "-f", task, check=False, quiet=True)
    for container in _listed(node, "containers", "ls", "-q"):
        ctr(node.name, "containers", "rm", container, check=False, quiet=True)


def _listed(node: Node, *arguments: str) -> list[str]:
    return output("ctr", "--address", node.socket, "-n", "k8s.io", *arguments, check=False).split()


def _kill_leftovers() -> None:
    """Processes of a node that was killed, and shims: they outlive a containerd that was killed."""
    for file in CGROUPS.glob("memory/cift-*/**/cgroup.procs"):
        for pid in file.read_text().split():
            kill(int(pid), signal.SIGKILL)
    sockets = {str(node.socket) for node in NODES.values()}
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_text().split("\0")
        except OSError:
            continue
        if words[0].endswith("containerd-shim-runc-v2") and sockets & set(words):
            kill(int(file.parent.name), signal.SIGKILL)


def _unmount() -> None:
    """Everything mounted under our folders, innermost first."""
    ours = (str(RUN), *(str(node.state) for node in NODES.values()))
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        point = line.split()[1]
        if point.startswith(ours):
            run("umount", "-l", point, check=False, capture_output=True)
    namespaces = Path("/run/netns")
    for name in namespaces.glob("cni-*") if namespaces.exists() else ():
        run("ip", "netns", "del", name.name, check=False, capture_output=True)


def _remove_network() -> None:
    devices = {DEVICE, *(f"cni-{name}" for name in NODES)}
    for link in json.loads(output("ip", "-j", "link", "show")):
        if link["ifname"] in devices:
            run("ip", "link", "del", link["ifname"], check=False)
    for tool in ("iptables", "ip6tables"):
        for table in ("filter", "nat", "mangle"):
            _remove_rules(tool, table)


def _remove_rules(tool: str, table: str) -> None:
    saved = run(f"{tool}-save", "-t", table, check=False, capture_output=True).stdout.strip()
    rules = saved.splitlines()
    kept = [rule for rule in rules if not any(mark in rule for mark in ("KUBE-", "CNI-"))]
    if len(kept) != len(rules):
        text = "\n".join(kept) + "\n"
        run(f"{tool}-restore", "-T", table, input=text, check=False, capture_output=True)


def _remove_node(node: Node) -> None:
    results = Path("/var/lib/cni/results")
    for file in results.glob(f"bridge-{node.name}-*"):
        container = file.name.removeprefix(f"bridge-{node.name}-").split("-")[0]
        file.with_name(f"cni-loopback-{container}-lo").unlink(missing_ok=True)
        file.unlink()
    for socket in (node.socket, Path(f"{node.socket}.ttrpc")):
        socket.unlink(missing_ok=True)
    shutil.rmtree(node.state, ignore_errors=True)
    for controller in CGROUPS.glob(f"*/cift-{node.name}"):
        folders = sorted(controller.rglob("*/"), key=lambda path: -len(path.parts))
        for folder in (*folders, controller):
            try:
                folder.rmdir()
            except OSError:
                pass  # a process is still ending in it
