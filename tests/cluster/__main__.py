"""`python -m tests.cluster [--keep] [PYTEST…]` (`make test-cluster`): the chart on a cluster, from nothing.

    base image, images, cluster up, images loaded, pytest tests/cluster, cluster down

The cluster is tests/cluster/local, which needs root. It is taken down again unless it was up before or
--keep is given. With CIFT_KUBECONFIG another cluster is used, and left as it was
found but for the release: then the images (`make images`) must be where its nodes find them, and CIFT_HELM
names helm.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.machine import TestCluster, stage
from tests.stack import ROOT

TESTS_TIMEOUT_S = 3600.0
BUILD_TIMEOUT_S = 1800.0
IMAGES = ROOT / ".images"


def missing(sentence: str) -> None:
    sys.exit(f"THE CLUSTER IS NOT TESTED: {sentence}")


def images(cluster: TestCluster) -> None:
    if shutil.which("buildah") is None:
        with stage("tools of the cluster (once)"):
            cluster.run("binaries", timeout_s=BUILD_TIMEOUT_S)
    with stage("base image"):
        cluster.run("base", timeout_s=BUILD_TIMEOUT_S)
    with stage("images"):
        subprocess.run([sys.executable, "-m", "k8s.images"], cwd=ROOT, check=True, timeout=BUILD_TIMEOUT_S)


def test(environment: dict[str, str], arguments: list[str]) -> int:
    with stage("pytest tests/cluster"):
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-s", *(arguments or ["tests/cluster"])],
            cwd=ROOT,
            env={
                **os.environ,
                **environment,
                "CIFT_TEST_TAG": (IMAGES / "tag").read_text(),
                "CIFT_FAULT_SETTLE_S": "180",
            },
            check=False,
            timeout=TESTS_TIMEOUT_S,
        ).returncode


def main() -> int:
    arguments = [each for each in sys.argv[1:] if each != "--keep"]
    keep = "--keep" in sys.argv[1:]
    if any(each in ("-h", "--help") for each in arguments):
        print(__doc__)
        return 0
    given = os.environ.get("CIFT_KUBECONFIG")
    if given:
        helm = os.environ.get("CIFT_HELM") or shutil.which("helm")
        if not Path(given).is_file():
            missing(f"CIFT_KUBECONFIG names {given}, which is no file")
        if not helm:
            missing("helm is neither on PATH nor named by CIFT_HELM")
        if not (IMAGES / "tag").exists():
            missing("there are no images: run `make images` and load .images/cift.oci.tar on the nodes")
        return test({"CIFT_HELM": str(helm)}, arguments)
    cluster = TestCluster()
    if os.geteuid() != 0:
        missing("the test cluster makes networks and containers: run this as root")
    was_up = cluster.is_up()
    images(cluster)
    try:
        with stage("cluster up"):
            cluster.up()
        with stage("images loaded on three nodes"):
            cluster.run("load", str(IMAGES / "cift.oci.tar"))
        found = {"CIFT_KUBECONFIG": str(cluster.kubeconfig), "CIFT_HELM": str(cluster.helm)}
        return test(found, arguments)
    finally:
        if not (keep or was_up):
            with stage("cluster down"):
                cluster.down()


if __name__ == "__main__":
    sys.exit(main())
