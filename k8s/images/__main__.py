"""`python -m k8s.images [--plain] [NAME…]`: build the named images, or all, into one archive.

--plain: no image has extra packages, and there is no image of ClickHouse. Functions with extras start from
such images, but cannot use the store that the extras are for. The cluster's smoke test uses them.

    .images/cift.oci.tar    all images, each shared layer once, for `cluster load`, `ctr images import` and
                            `kind load image-archive`
    .images/tag             the images' tag, a digest of their content
    .images/inputs          a digest of the sources; while it is unchanged, nothing is built

It needs buildah, the wheels (`make wheels`) and the base image `python:3.11-slim`.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cift.function import Function
from cift.generate.chart import kebab
from cift.generate.skaffold import PROGRAMS, UPON_BASE, base_image
from cift.host.loading import load_functions
from k8s.images.layout import Layout
from k8s.images.wheels import PROGRAMS as COMPILED
from k8s.images.wheels import ROOT, WHEELS

REGISTRY = os.environ.get("CIFT_IMAGE_REGISTRY", "dev.local/cift")
OUT = ROOT / ".images"
PYC = Path("__pycache__")
BASE = "docker.io/library/python:3.11-slim"
SOURCES = ("cift", "functions", "operators", "database", "data/sample", "dashboard/dist", "k8s")
BUILD_TIMEOUT_S = 1800


def run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}")


def inputs(*, plain: bool) -> str:
    """A digest of everything the images are built from: sources, wheels, programs and the base image."""
    base = subprocess.run(
        ["buildah", "images", "--quiet", "--no-trunc", BASE], check=False, capture_output=True, text=True
    ).stdout
    found = hashlib.sha256(f"{REGISTRY} {base} plain={plain}".encode())
    files = [path for folder in SOURCES for path in (ROOT / folder).rglob("*") if PYC.name not in path.parts]
    files += [ROOT / "rust_core/Dockerfile", *WHEELS.glob("*/*"), *WHEELS.glob("*.contents")]
    for path in sorted(path for path in files if path.is_file() and path.suffix != ".whl"):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(ROOT)} {path.stat().st_mode} {content}\n".encode())
    return found.hexdigest()


def build(layout: Layout, name: str, dockerfile: str, *arguments: str) -> str:
    """Build one Dockerfile into the layout. Returns the digest of its manifest."""
    reference = f"localhost/cift-build/{name}:build"
    # Isolation chroot works in a container and without user namespaces, as on CI machines.
    run(
        *("buildah", "bud", "--isolation", "chroot", "--layers", "--network", "host"),
        *("--pull=false", "--quiet", "--timestamp", "0"),
        *("--file", dockerfile, "--tag", reference, *arguments, "."),
    )
    run("buildah", "push", "--quiet", "--disable-compression", reference, f"oci:{layout.folder}:{name}")
    return layout.pushed(name)


def compiled_functions(folder: Path) -> None:
    """Copy the functions into `folder` and compile them with the Python of the images."""
    shutil.copytree(ROOT / "functions", folder / "functions", ignore=shutil.ignore_patterns("__pycache__"))
    box = subprocess.run(
        ["buildah", "from", "--pull-never", "localhost/cift-build/base:build"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    try:
        run(
            *(
                "buildah",
                "run",
                "--isolation",
                "chroot",
                "--user",
                "0",
                "--volume",
                f"{folder}:/source",
                box,
                "--",
            ),
            *("python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
            *("-s", "/source", "-p", "/app", "/source/functions"),
        )
    finally:
        run("buildah", "rm", box)


def files_of(function: Function, folder: Path) -> dict[str, bytes]:
    """The function's own files, by their path in its image."""
    source = folder / "functions" / f"{function.name.replace('.', '/')}.py"
    bytecode = next((source.parent / PYC).glob(f"{source.stem}.cpython-*.pyc"))
    return {f"app/{path.relative_to(folder)}": path.read_bytes() for path in (source, bytecode)}


def build_all(wanted: set[str], *, plain: bool) -> Layout:
    """Build the wanted images. An empty set means all."""
    folder = OUT / "layout"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    layout = Layout(folder)
    functions = {kebab(function): function for function in load_functions()}
    extras = {name: () if plain else function.extras for name, function in functions.items()}
    bases = {base_image(each): " ".join(sorted(each)) for each in extras.values()}
    programs = {name: PROGRAMS[name] for name in PROGRAMS if not (plain and name == "analytics")}
    known = {*functions, *bases, *programs}
    if wanted - known:
        raise SystemExit(
            f"unknown image: {', '.join(sorted(wanted - known))} (images are {', '.join(sorted(known))})"
        )
    need = wanted or known
    jobs: list[tuple[str, str, tuple[str, ...]]] = []
    for name, packages in sorted(bases.items()):
        target = ("--target", "base", "--build-arg", f"EXTRAS={packages}")
        jobs.append((name, "functions/Dockerfile", target))
    sources = {name: WHEELS / "bin" / name for name in COMPILED} | {"operator": WHEELS / "operator"}
    for name, (dockerfile, arguments) in programs.items():
        if name in need and sources.get(name, WHEELS).exists():
            if name in UPON_BASE:
                arguments = {**arguments, UPON_BASE[name]: "localhost/cift-build/base:build"}
            given = (part for key, value in arguments.items() for part in ("--build-arg", f"{key}={value}"))
            jobs.append((name, dockerfile, tuple(given)))
    digests: dict[str, str] = {}
    for name, dockerfile, flags in jobs:
        began = time.monotonic()
        digests[name] = build(layout, name, dockerfile, *flags)
        print(f"  {name:12} built in {time.monotonic() - began:5.1f} s", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        compiled_functions(Path(scratch))
        for name, function in functions.items():
            if name in need:
                base = digests[base_image(extras[name])]
                digests[name] = layout.extend(
                    base, files_of(function, Path(scratch)), {"CIFT_FUNCTION": function.name}
                )
    print(
        f"  {len([n for n in functions if n in need])} functions in {time.monotonic() - began:5.1f} s",
        flush=True,
    )
    # Bases with extras are not packed: they are only layers of functions' images, and nothing runs them.
    packed = need - (set(bases) - {"base"})
    layout.names = {name: digest for name, digest in digests.items() if name in packed}
    return layout


def print_sizes(layout: Layout, functions: set[str]) -> None:
    """For each image the size of all its layers, and of those that no image above it in the table has."""
    seen: set[str] = set()
    print(f"\n{'image':36} {'MB':>8} {'own KB':>10}")
    for name, digest in sorted(layout.names.items(), key=lambda item: (item[0] in functions, item[0])):
        layers = layout.read(digest)["layers"]
        own = sum(layer["size"] for layer in layers if layer["digest"] not in seen)
        seen |= {layer["digest"] for layer in layers}
        print(f"{name:36} {sum(layout.layer_bytes(digest)) / 1e6:8.1f} {own / 1e3:10.1f}")


def main() -> None:
    began = time.monotonic()
    plain, wanted = "--plain" in sys.argv[1:], {each for each in sys.argv[1:] if each != "--plain"}
    digest = inputs(plain=plain)
    archive, stamp = OUT / "cift.oci.tar", OUT / "inputs"
    if not wanted and archive.exists() and stamp.exists() and stamp.read_text() == digest:
        print(f"images {(OUT / 'tag').read_text()} are up to date")
        return
    stamp.unlink(missing_ok=True)
    layout = build_all(wanted, plain=plain)
    content = "\n".join(f"{name} {digest}" for name, digest in sorted(layout.names.items()))
    tag = f"c{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    print_sizes(layout, {kebab(function) for function in load_functions()})
    layout.names = {f"{REGISTRY}/{name}:{tag}": digest for name, digest in layout.names.items()}
    layout.pack(archive)
    (OUT / "tag").write_text(tag)
    if not wanted:
        stamp.write_text(digest)
    print(
        f"\n{len(layout.names)} images, {archive.stat().st_size / 1e6:.0f} MB in {archive.relative_to(ROOT)},"
        f" tag {tag}, {time.monotonic() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
