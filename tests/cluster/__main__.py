"""`python -m tests.cluster [--keep] [--smoke] [PYTEST…]`: the chart on a cluster, from nothing.

    base image, images, cluster up, images loaded, pytest tests/cluster, cluster down

`make test-cluster` runs all tests. `make test-smoke` (--smoke) runs test_smoke.py with images without extras.

The cluster is tests/cluster/local, which needs root. It is stopped afterwards, unless it ran before or
--keep is given. With CIFT_KUBECONFIG another cluster is used, in which only the release changes. Its
nodes must have the images (`make images`), and CIFT_HELM names helm.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.cluster.machine import TestCluster, stage
from tests.cluster.test_smoke import SMOKE_VALUES
from tests.stack import ROOT

TESTS_TIMEOUT_S = 3600.0
BUILD_TIMEOUT_S = 1800.0
IMAGES = ROOT / ".images"
SMOKE = Path("tests/cluster/test_smoke.py")


def missing(sentence: str) -> None:
    sys.exit(f"THE CLUSTER IS NOT TESTED: {sentence}")


def images(cluster: TestCluster, *, smoke: bool) -> None:
    if shutil.which("buildah") is None:
        with stage("tools of the cluster (once)"):
            cluster.run("binaries", timeout_s=BUILD_TIMEOUT_S)
    with stage("base image"):
        cluster.run("base", timeout_s=BUILD_TIMEOUT_S)
    with stage("images"):
        command = [sys.executable, "-m", "k8s.images", *(["--plain"] if smoke else [])]
        subprocess.run(command, cwd=ROOT, check=True, timeout=BUILD_TIMEOUT_S)


def test(environment: dict[str, str], arguments: list[str], *, smoke: bool) -> int:
    if smoke:
        chosen = [str(SMOKE)]
        environment = {**environment, "CIFT_TEST_SET": " ".join(SMOKE_VALUES)}
    else:
        chosen = ["tests/cluster", f"--ignore={SMOKE}"]
    with stage("pytest tests/cluster"):
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-v", "-s", *(arguments or chosen)],
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
    options = ("--keep", "--smoke")
    arguments = [each for each in sys.argv[1:] if each not in options]
    keep, smoke = (option in sys.argv[1:] for option in options)
    if any(each in ("-h", "--help") for each in arguments):
        print(__doc__)
        return 0
    given = os.environ.get("CIFT_KUBECONFIG")
    if given:
        helm = os.environ.get("CIFT_HELM") or shutil.which("helm")
        if not Path(given).is_file():
            missing(f"CIFT_KUBECONFIG is {given}, which is not a file")
        if not helm:
            missing("helm is neither on PATH nor named by CIFT_HELM")
        if not (IMAGES / "tag").exists():
            missing("there are no images: run `make images` and load .images/cift.oci.tar on the nodes")
        return test({"CIFT_HELM": str(helm)}, arguments, smoke=smoke)
    cluster = TestCluster()
    if os.geteuid() != 0:
        missing("the test cluster needs root, because it makes networks and containers")
    was_up = cluster.is_up()
    images(cluster, smoke=smoke)
    try:
        with stage("cluster up"):
            cluster.up()
        with stage("images loaded on three nodes"):
            cluster.run("load", str(IMAGES / "cift.oci.tar"))
        found = {"CIFT_KUBECONFIG": str(cluster.kubeconfig), "CIFT_HELM": str(cluster.helm)}
        return test(found, arguments, smoke=smoke)
    finally:
        if not (keep or was_up):
            with stage("cluster down"):
                cluster.down()


if __name__ == "__main__":
    sys.exit(main())
