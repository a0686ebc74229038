"""Images on the cluster's nodes: of one static binary, of a Dockerfile, and the Python base image."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.cluster.local import processes
from tests.cluster.local.places import BIN, HOME, NODES, RUN
from tests.cluster.local.shell import Done, output, report, run
from tests.cluster.local.tools import install_packages

BASE = "docker.io/library/python:3.11-slim"
NAMESPACE = "k8s.io"
"""Where kubelets look for images and containers in containerd."""
USER = "65532:65532"
SEEN_BY_BUILDS = ("/etc/pip.conf", "/etc/ssl/certs")
"""The machine's package settings and certificates: RUN lines see them, the image does not contain them."""


def ctr(node: str, *arguments: str | Path, check: bool = True, quiet: bool = False) -> Done:
    """containerd's command line on a node."""
    return run(
        *("ctr", "--address", NODES[node].socket, "--namespace", NAMESPACE, *arguments),
        check=check,
        capture_output=quiet,
        stdout=None if quiet else subprocess.DEVNULL,
    )


def load(*archives: str | Path) -> None:
    """Import image archives (docker-archive or oci-archive) on every node.

    A dedicated node runs few images: it unpacks one when its first container starts.
    """
    for archive in archives:
        for node in NODES.values():
            ctr(node.name, "images", "import", *(["--no-unpack"] if node.dedicated else []), archive)


def binary_image(name: str, binary: Path, entrypoint: str) -> Path:
    """A docker-archive of one static binary: `name` is the image's name, `entrypoint` its path inside."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        info = tarfile.TarInfo(entrypoint.lstrip("/"))
        info.size, info.mode = binary.stat().st_size, 0o755
        with binary.open("rb") as file:
            tar.addfile(info, file)
    data = layer.getvalue()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [entrypoint], "User": USER},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(data).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    path = RUN / f"{name.replace('/', '_').replace(':', '_')}.tar"
    with tarfile.open(path, "w") as tar:
        for file_name, content in (
            ("layer.tar", data),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            info = tarfile.TarInfo(file_name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def load_binary(name: str, program: str, entrypoint: str) -> None:
    """Load a built program (a file of BIN) as an image."""
    load(binary_image(name, BIN / program, entrypoint))


def build(folder: str, name: str, *arguments: str) -> None:
    """Build the Dockerfile of a folder with buildah and load the image as `name`."""
    processes.must_be_up()
    archive = RUN / f"image-{os.getpid()}.tar"
    seen = [
        word for path in SEEN_BY_BUILDS if Path(path).exists() for word in ("--volume", f"{path}:{path}:ro")
    ]
    run(
        *("buildah", "bud", "--isolation", "chroot", "--layers", "--network", "host", "--pull-never", *seen),
        *("-t", name, *arguments, folder),
    )
    run("buildah", "push", "-q", name, f"docker-archive:{archive}:{name}")
    try:
        load(archive)
    finally:
        archive.unlink()


def base() -> None:
    """Make BASE from Debian's packages, unless buildah has it. The files stay cached in `base`."""
    install_packages()
    if run("buildah", "inspect", "--type", "image", BASE, check=False, capture_output=True).returncode == 0:
        return
    root = HOME / "base"
    if not (root / "usr/bin/python3.11").exists():
        report("making the Python base image from Debian's packages (once)")
        partial = HOME / "base.partial"
        shutil.rmtree(partial, ignore_errors=True)
        packages = "python3.11,python3-pip,python3-venv,ca-certificates"
        run(
            *("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", partial),
            stdout=subprocess.DEVNULL,
        )
        # The official image has Python in /usr/local. A venv there puts its files in the same places.
        run("chroot", partial, "/usr/bin/python3.11", "-m", "venv", "/usr/local")
        shutil.rmtree(partial / "var/cache/apt", ignore_errors=True)
        partial.rename(root)
    box = output("buildah", "from", "scratch")
    run("buildah", "add", "-q", box, f"{root}/", "/", stdout=subprocess.DEVNULL)
    path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
    run("buildah", "config", "--env", f"PATH={path}", "--cmd", "python3", box)
    run("buildah", "commit", "-q", box, BASE, stdout=subprocess.DEVNULL)
    run("buildah", "rm", box, stdout=subprocess.DEVNULL)
