"""ARCHITECTURE.md stays short and its code map complete."""

import re
import subprocess

import pytest

from tests.tidy.test_tidy import ROOT

PAGE = ROOT / "ARCHITECTURE.md"
LINES_MAX = 200


def folders() -> list[str]:
    """The top folders, the packages of cift/ and the crates, as git knows them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = set()
    for path in listed.splitlines():
        parts = path.split("/")
        if len(parts) > 1 and not parts[0].startswith("."):
            found.add(parts[0])
        if len(parts) > 2 and parts[0] == "cift":
            found.add("/".join(parts[:2]))
        if len(parts) > 3 and parts[:2] == ["rust_core", "crates"]:
            found.add("/".join(parts[:3]))
    return sorted(found - {"cift", "rust_core"})


def mapped() -> set[str]:
    """The folders that the first column of the code map names. `cift/{a,b}` names two."""
    section = PAGE.read_text().split("## Code map", 1)[1].split("\n## ", 1)[0]
    names = set()
    for line in section.splitlines():
        for name in re.findall(r"`([^`]+)`", line.split("|")[1] if line.startswith("| `") else ""):
            inside = re.fullmatch(r"(.*)\{(.*)\}(.*)", name)
            each = [f"{inside[1]}{one}{inside[3]}" for one in inside[2].split(",")] if inside else [name]
            names |= set(each)
    return names | {name.split("/")[0] for name in names}


@pytest.mark.parametrize("folder", folders())
def test_code_map_names_every_folder(folder: str) -> None:
    assert folder in mapped(), f"{folder} is missing in the code map of ARCHITECTURE.md: add a row."


def test_architecture_page_is_short() -> None:
    count = len(PAGE.read_text().splitlines())
    assert count <= LINES_MAX, f"ARCHITECTURE.md has {count} lines: at most {LINES_MAX}."
