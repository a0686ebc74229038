"""Fill `.wheels/`, so that images are built without access to a package index (`make wheels`).

.wheels/<image>/*.whl          the packages of the image's lock, hashes checked; in functions/ also cift_core
.wheels/bin/<program>          matchd and relay, built by cargo
.wheels/<image>/sbom.cdx.json  the bill of materials (CycloneDX): the packages of its lock; in functions/
                               also cift_core and its crates
.wheels/<image>/contents       checksums of the image's wheels. Dockerfiles copy this file before they mount
                               the wheels, because buildah's cache ignores mounts. extras.contents is for all
                               functions-*
.wheels/bin/<program>.cdx.json the program's crates
.wheels/pages/<file>           /docs, /redoc, /openapi.json and their assets, which the gateway serves itself
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse

from cift.generate.chart import GATEWAY_PAGES, page_file
from cift.host.openapi import page

ROOT = Path(__file__).resolve().parent.parent.parent
WHEELS = ROOT / ".wheels"
LOCKS = {
    "functions": ROOT / "requirements/functions.lock",
    "functions-polars": ROOT / "requirements/polars.lock",
    "functions-questdb": ROOT / "requirements/questdb.lock",
    "functions-clickhouse": ROOT / "requirements/clickhouse.lock",
    "functions-feeds": ROOT / "requirements/feeds.lock",
    "operator": ROOT / "operators/requirements.lock",
    "servers": ROOT / "k8s/servers/requirements.lock",
    "analytics": ROOT / "k8s/servers/analytics.lock",
    "gateway": ROOT / "k8s/gateway/requirements.lock",
}
PROGRAMS = ("matchd", "relay")
SBOM = "sbom.cdx.json"
CONTENTS = "contents"
_CRATE = re.compile(r"^(\S+) v(\S+)", re.M)
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.M)


def present_locks() -> dict[str, Path]:
    return {name: lock for name, lock in LOCKS.items() if lock.exists()}


def fetch(name: str, lock: Path) -> None:
    """Get the wheels of one lock, unless the folder has them."""
    folder = WHEELS / name
    stamp = folder / ".lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"wheels: {name}", flush=True)
    # `wheel` instead of `download`: packages published only as source are built here, not in the image.
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "-r", str(lock), "-w", str(folder)),
        ],
        check=True,
    )
    stamp.write_text(digest)


def newest_core() -> Path:
    """The newest wheel of cift_core, which `make build` builds. Raises SystemExit."""
    folder = Path(os.environ.get("CIFT_CORE_WHEELS") or ROOT / ".venv/wheels")
    found = sorted(folder.glob("cift_core-*.whl"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise SystemExit(f"{folder} has no wheel of cift_core: run `make build`")
    return found[-1]


def program(name: str) -> Path | None:
    """The path of a program built by cargo, or of the one that CIFT_MATCHD or CIFT_RELAY names. None: not
    built."""
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "rust_core/target")
    path = Path(os.environ.get(f"CIFT_{name.upper()}") or target / "release" / name)
    return path if path.exists() else None


def bill(name: str, components: list[dict[str, str]]) -> str:
    """A CycloneDX bill of materials. The same input gives the same bytes."""
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": f"cift/{name}"}},
        "components": [
            {"type": "library", "name": c["name"], "version": c["version"], "purl": c["purl"]}
            for c in sorted(components, key=lambda c: c["purl"])
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def python_components(lock: Path) -> list[dict[str, str]]:
    return [
        {"name": name, "version": version, "purl": f"pkg:pypi/{name.lower()}@{version}"}
        for name, version in _PINNED.findall(lock.read_text())
    ]


def rust_components(package: str) -> list[dict[str, str]]:
    """The crates that this package is compiled from, including itself, without those of tests."""
    listed = subprocess.run(
        [
            *("cargo", "tree", "--locked", "--package", package, "--edges", "normal"),
            *("--prefix", "none", "--no-dedupe", "--format", "{p}"),
        ],
        cwd=ROOT / "rust_core",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    crates = sorted(set(_CRATE.findall(listed)))
    assert crates, f"cargo lists no crates of {package}"
    return [
        {"name": name, "version": version, "purl": f"pkg:cargo/{name}@{version}"} for name, version in crates
    ]


def core_component(wheel: Path) -> dict[str, str]:
    """cift_core, which no lock contains because it is built from this repository."""
    name, version, *_ = wheel.name.split("-")
    return {"name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"}


def contents(*folders: Path) -> bytes:
    """Name and checksum of each wheel in the folders."""
    wheels = sorted(wheel for folder in folders for wheel in folder.glob("*.whl"))
    lines = [f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}\n" for wheel in wheels]
    return "".join(lines).encode()


def replace(path: Path, content: bytes) -> None:
    """Write a file only if its content differs, because build caches also compare modification times."""
    if not path.exists() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def content_of(path: str) -> bytes:
    """The content of a page that the gateway serves."""
    if path == "/openapi.json":
        return (ROOT / "functions" / "openapi.gen.json").read_bytes()
    response = page(path)
    assert response is not None, path
    return Path(response.path).read_bytes() if isinstance(response, FileResponse) else bytes(response.body)


def main() -> None:
    core = newest_core()
    for name, lock in present_locks().items():
        fetch(name, lock)
        components = python_components(lock)
        if name == "functions":
            components += [core_component(core), *rust_components("cift-core-python")]
        replace(WHEELS / name / SBOM, bill(name, components).encode())
    for old in (WHEELS / "functions").glob("cift_core-*.whl"):
        if old.name != core.name:
            old.unlink()
    replace(WHEELS / "functions" / core.name, core.read_bytes())
    for name in present_locks():
        replace(WHEELS / name / CONTENTS, contents(WHEELS / name))
    extras = [WHEELS / name for name in sorted(present_locks()) if name.startswith("functions-")]
    replace(WHEELS / f"extras.{CONTENTS}", contents(*extras))
    for path in GATEWAY_PAGES:
        replace(WHEELS / "pages" / page_file(path), content_of(path))
    for name in PROGRAMS:
        built = program(name)
        if built is None:
            print(f"wheels: {name} is not built, so it gets no image", file=sys.stderr)
            continue
        stripped = WHEELS / "bin" / f".{name}.stripped"
        stripped.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["strip", "-o", str(stripped), str(built)], check=True)
        replace(WHEELS / "bin" / name, stripped.read_bytes())
        (WHEELS / "bin" / name).chmod(0o755)
        stripped.unlink()
        replace(WHEELS / "bin" / f"{name}.cdx.json", bill(name, rust_components(name)).encode())


if __name__ == "__main__":
    main()
