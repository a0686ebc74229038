"""A real Kubernetes with Knative Serving on this machine, without Docker: for tests of what is deployed.

    python -m tests.cluster.local COMMAND

    up          build what is missing (once, cached), start everything, wait until it is ready
    down        stop everything and remove its state (the builds stay cached)
    status      nodes, Knative's deployments, processes
    check       check that a Knative Service answers from zero
    load FILE…  import image archives (docker-archive or oci-archive) on every node
    build DIR NAME [BUILDAH-ARGS…]   build DIR's Dockerfile with buildah and load it as NAME
    base        make docker.io/library/python:3.11-slim from Debian's packages, for FROM lines
    env         print the exports for KUBECONFIG and PATH (kubectl, helm)
    binaries    only build what is missing
    stop NAME [TERM|KILL|STOP|CONT]   a fault: end or freeze one process of `status`
    restart NAME                      start it again with the same command

README.md beside this file describes what is real and what is replaced.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from tests.cluster.local import control_plane, images, knative, node, processes, teardown, tools
from tests.cluster.local.places import BIN, KUBECONFIG, KUBERNETES, LOGS, NODES, PKI, RUN
from tests.cluster.local.shell import apply, get, kubectl, report

STORAGE_CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "provisioner": "cift.local/path",
    "volumeBindingMode": "WaitForFirstConsumer",
    "metadata": {
        "name": "standard",
        "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
    },
}


def up() -> None:
    if os.geteuid() != 0:
        sys.exit("cluster: needs root (network namespaces, containers)")
    tools.build()
    if RUN.exists() and start_again():
        return
    began = time.monotonic()
    for folder in (RUN, PKI, LOGS):
        folder.mkdir(parents=True, exist_ok=True)
    (RUN / "resolv.conf").write_text("")
    control_plane.network()
    control_plane.credentials()
    control_plane.control_plane()
    for each in NODES.values():
        node.start_node(each)
    control_plane.proxy_and_dns()
    module = (sys.executable, "-uB", "-m", "tests.cluster.local.volumes")
    processes.start("volumes", *module, control_plane.SERVER, PKI, RUN / "volumes")
    images.load_binary("dev.local/pause:1", "pause", "/pause")
    knative.load_images()
    apply(STORAGE_CLASS)
    processes.wait_for("the nodes", nodes_are_ready)
    report(f"Kubernetes {KUBERNETES} is up after {time.monotonic() - began:.0f} s: nodes {', '.join(NODES)}")
    knative.install()
    knative.wait_ready()
    report(f"Knative Serving is up after {time.monotonic() - began:.0f} s; routes: 127.0.0.1:8080, by Host")
    report(exports())


def start_again() -> bool:
    """Start the ended processes of a cluster that was up. False: there was none worth keeping; it is down."""
    known = processes.known()
    ended = sorted(set(known) - set(processes.running()))
    if "ingress" not in known or len(ended) == len(known):
        teardown.down()
        return False
    for name in ended:
        processes.start(name, *known[name]["command"])
    report(
        f"started again, state kept: {', '.join(ended)}"
        if ended
        else "up already (down, then up, for a fresh one)"
    )
    return True


def nodes_are_ready() -> bool:
    conditions = [each for item in get("nodes")["items"] for each in item["status"]["conditions"]]
    ready = [each for each in conditions if each["type"] == "Ready" and each["status"] == "True"]
    return len(ready) == len(NODES)


def status() -> None:
    found = processes.running()
    for name in processes.known():
        print(f"{'running' if name in found else 'STOPPED':8} {name}")
    kubectl("get", "nodes,deployments,pods", "-A", "-o", "wide", check=False)


def exports() -> str:
    return f"export KUBECONFIG={KUBECONFIG} PATH={BIN}:$PATH"


COMMANDS: dict[str, Callable[..., object]] = {
    "up": up,
    "down": teardown.down,
    "status": status,
    "check": knative.check,
    "load": images.load,
    "build": images.build,
    "base": images.base,
    "env": lambda: print(exports()),
    "binaries": tools.build,
    "stop": processes.stop,
    "restart": processes.restart,
}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except subprocess.CalledProcessError as failed:
        sys.exit(f"cluster: {failed.cmd[0]} ended with {failed.returncode}: {' '.join(failed.cmd)}")


if __name__ == "__main__":
    main()
