"""Share compiled crates of other people between clones: `cargo_cache.py restore | save`.

One clone's `rust_core/target` is not safe to use from another: cargo compares times of files, so that it can
take another clone's crate for this clone's. So each clone has its own target folder, and this cache holds
only what registry crates (and their build scripts) compiled to. Those never change for one Cargo.lock and
compiler. `restore` fills a target folder that does not exist yet; `save` adds what the cache lacks.

The cache is `cargo` in CIFT_CACHE, else in `cift` in the user's cache folder. With CARGO_TARGET_DIR set, both
do nothing: that folder is its own cache.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WORKSPACE = Path(__file__).resolve().parent.parent / "rust_core"
TARGET = WORKSPACE / "target"
PROFILES = ("debug", "release")
FOLDERS = ("deps", "build", ".fingerprint")
"""In this order: cargo takes a crate for built when its fingerprint is there."""
KEYS_MAX = 3
"""Older keys are removed."""
_HASH = re.compile(r"^(.*)-([0-9a-f]{16})$")


def cache() -> Path:
    named = os.environ.get("CIFT_CACHE")
    if named:
        return Path(named).absolute() / "cargo"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cift" / "cargo"


def key() -> str:
    """Of what decides about compiled registry crates: Cargo.lock, profiles, the compiler, flags."""
    compiler = subprocess.run(["rustc", "-vV"], check=True, capture_output=True).stdout
    flags = os.environ.get("RUSTFLAGS", "").encode()
    parts = [(WORKSPACE / name).read_bytes() for name in ("Cargo.lock", "Cargo.toml")]
    return hashlib.sha256(b"\0".join([*parts, compiler, flags])).hexdigest()[:16]


def own_packages() -> set[str]:
    command = ["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"]
    found = subprocess.run(command, cwd=WORKSPACE, check=True, capture_output=True).stdout
    return {package["name"] for package in json.loads(found)["packages"]}


def split(name: str) -> tuple[str, str]:
    """Name and hash: `libserde-0123456789abcdef.rlib` is (`libserde`, `0123456789abcdef`). No hash: empty."""
    match = _HASH.match(name.partition(".")[0])
    return (match[1], match[2]) if match else (name, "")


def foreign(profile: Path, own: set[str]) -> list[Path]:
    """What a target's profile holds of other people's crates, relative to it; fingerprints last."""
    units = [split(path.name) for path in (profile / FOLDERS[-1]).iterdir()]
    kept = {number for name, number in units if name not in own}
    return [
        path.relative_to(profile)
        for folder in FOLDERS
        for path in sorted((profile / folder).iterdir())
        if split(path.name)[1] in kept
    ]


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder with its times (cargo compares them), complete or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
    try:
        made = partial / source.name
        if source.is_dir():
            shutil.copytree(source, made)
        else:
            shutil.copy2(source, made)
        if not target.exists():
            made.rename(target)
    finally:
        shutil.rmtree(partial)


def save() -> None:
    own, stored = own_packages(), cache() / key()
    for profile in PROFILES:
        if not all((TARGET / profile / folder).is_dir() for folder in FOLDERS):
            continue
        for path in foreign(TARGET / profile, own):
            if not (stored / profile / path).exists():
                copy(TARGET / profile / path, stored / profile / path)
    if stored.exists():
        os.utime(stored)
        keys = sorted(cache().iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for old in keys[KEYS_MAX:]:
            shutil.rmtree(old, ignore_errors=True)


def restore() -> None:
    stored = cache() / key()
    if TARGET.exists() or not stored.exists():
        return
    for profile in PROFILES:
        for folder in FOLDERS:
            if (stored / profile / folder).is_dir():
                shutil.copytree(
                    stored / profile / folder,
                    TARGET / profile / folder,
                    ignore=shutil.ignore_patterns(".partial-*"),
                )
    print(f"compiled crates of {stored}")


def main() -> None:
    commands = {"save": save, "restore": restore}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    if not os.environ.get("CARGO_TARGET_DIR"):
        commands[sys.argv[1]]()


if __name__ == "__main__":
    main()
