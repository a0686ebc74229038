"""Fill `.wheels/`, so that images are built without access to a package index (`make wheels`).

`python -m k8s.images.wheels [--plain]`; --plain: only what the images of `python -m k8s.images --plain` need.
Wheels of packages from the index are taken from the cache (`wheels` in CIFT_CACHE) if it has them.

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
NOT_PLAIN = ("functions-", "analytics")
"""How names of LOCKS begin that images without extras do without."""
_CRATE = re.compile(r"^(\S+) v(\S+)", re.M)
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.M)


def present_locks(*, plain: bool = False) -> dict[str, Path]:
    locks = {name: lock for name, lock in LOCKS.items() if lock.exists()}
    return {name: lock for name, lock in locks.items() if not (plain and name.startswith(NOT_PLAIN))}


def fetch(name: str, lock: Path) -> None:
    """Put the wheels of one lock into its folder, unless it has them: from the cache, else by pip."""
    folder = WHEELS / name
    stamp = folder / ".lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    shutil.rmtree(folder, ignore_errors=True)
    cache = os.environ.get("CIFT_CACHE")
    if cache is None:
        folder.mkdir(parents=True)
        make_wheels(name, lock, folder)
    else:
        stored = Path(cache) / "wheels" / f"{name}-{digest[:16]}"
        if not stored.exists():
            partial = stored.with_name(f"{stored.name}.{os.getpid()}")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            make_wheels(name, lock, partial)
            if stored.exists():  # another clone was faster
                shutil.rmtree(partial)
            else:
                partial.rename(stored)
        shutil.copytree(stored, folder, copy_function=link_or_copy)
    stamp.write_text(digest)


def link_or_copy(source: str, target: str) -> None:
    """A hard link where the cache is on the same disk: nothing writes into a wheel."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def make_wheels(name: str, lock: Path, folder: Path) -> None:
    print(f"wheels: {name}", flush=True)
    # `wheel` instead of `download`: packages published only as source are built here, not in the image.
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "-r", str(lock), "-w", str(folder)),
        ],
        check=True,
    )


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
    plain = "--plain" in sys.argv[1:]
    core = newest_core()
    locks = present_locks(plain=plain)
    for name, lock in locks.items():
        fetch(name, lock)
        components = python_components(lock)
        if name == "functions":
            components += [core_component(core), *rust_components("cift-core-python")]
        replace(WHEELS / name / SBOM, bill(name, components).encode())
    for old in (WHEELS / "functions").glob("cift_core-*.whl"):
        if old.name != core.name:
            old.unlink()
    replace(WHEELS / "functions" / core.name, core.read_bytes())
    for name in locks:
        replace(WHEELS / name / CONTENTS, contents(WHEELS / name))
    extras = [WHEELS / name for name in sorted(locks) if name.startswith("functions-")]
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
