"""Habits that a machine can check. Each failure says which file and what to do about it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_OURS = {
    ".git", ".venv", ".cift", "target", "node_modules", "__pycache__", ".hypothesis",
    ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", "build", "dist",
    ".wheels", ".images",
}  # fmt: skip
LINES_MAX = 500
LINES_REASON = "lines because"
"""A longer file says in its header: `Over 500 lines because …`."""
HEADER_LINES = 40
FUNCTION_LINES_MAX = 80
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "shared", "misc"}
SOURCE_SUFFIXES = {".py", ".pyi", ".rs", ".sql", ".ts", ".tsx", ".sh", ".capnp"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".in",
    ".lock",
    ".txt",
    ".cfg",
    "",
}
# Spelled apart, so that this file does not find itself.
MACHINE_PATH = re.compile("(?<![\\w.])/" + "(?:work|root|home|Users)/[a-zA-Z_.]")
OWN_INDEX = re.compile("--(?:extra-)?index" + "-url|--find" + "-links|--trusted" + "-host")


def files() -> Iterator[Path]:
    def walk(folder: Path) -> Iterator[Path]:
        for each in sorted(folder.iterdir()):
            if each.name in NOT_OURS or each.name.endswith(".egg-info"):
                continue
            if each.is_dir() and not each.is_symlink():
                yield from walk(each)
            elif each.is_file():
                yield each

    return walk(ROOT)


ALL = list(files())
SOURCES = [each for each in ALL if each.suffix in SOURCE_SUFFIXES]
MODULES = [
    each for each in ALL if each.suffix == ".py" and each.relative_to(ROOT).parts[0] in ("cift", "functions")
]
FUNCTIONS = [
    each
    for each in MODULES
    if each.relative_to(ROOT).parts[0] == "functions"
    and len(each.relative_to(ROOT).parts) == 3
    and not each.name.startswith("_")
]
PAGES = [each for each in ALL if each.suffix == ".md"]


def named(paths: list[Path]) -> str:
    return ", ".join(str(path.relative_to(ROOT)) for path in paths)


def generated(path: Path) -> bool:
    derived = ".gen." in path.name or path.name.endswith(("_gen.py", "_capnp.rs"))
    return derived or "generated" in path.parts or path == ROOT / "database" / "postgres" / "schema.sql"


def test_there_is_something_to_look_at() -> None:
    assert len(SOURCES) > 50 and len(MODULES) > 20 and len(PAGES) > 2


def test_no_long_file_without_a_reason() -> None:
    long = []
    for path in SOURCES:
        lines = path.read_text().splitlines()
        header = "\n".join(lines[:HEADER_LINES])
        if len(lines) > LINES_MAX and LINES_REASON not in header and not generated(path):
            long.append(path)
    assert not long, (
        f"over {LINES_MAX} lines: {named(long)}. Split it by what it knows, or write in its header"
        f" `Over {LINES_MAX} lines because …`."
    )


def test_no_module_without_a_subject() -> None:
    vague = [path for path in SOURCES if FORBIDDEN_NAMES & {path.stem, *path.relative_to(ROOT).parts[:-1]}]
    assert not vague, f"{named(vague)}: name the room by what it knows, not by who uses it."


def test_doors_are_thin() -> None:
    assert FUNCTIONS, "no functions found below functions/<domain>/"
    thick = [path for path in FUNCTIONS if len(path.read_text().splitlines()) >= FUNCTION_LINES_MAX]
    assert not thick, (
        f"{named(thick)}: a function has under {FUNCTION_LINES_MAX} lines; move the thinking to its room."
    )


def test_doors_import_no_functions() -> None:
    wrong = [path for path in FUNCTIONS if any(name.startswith("functions.") for name in imported(path))]
    assert not wrong, f"{named(wrong)}: what two functions need belongs to a room in cift/."


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in MODULES if path.read_text().strip() and not ast.get_docstring(parse(path))]
    assert not silent, f"no docstring at the top of {named(silent)}"


def test_rules_never_await() -> None:
    rules = [path for path in MODULES if path.name == "rules.py"]
    waiting = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    wrong = [path for path in rules if any(isinstance(node, waiting) for node in ast.walk(parse(path)))]
    assert not wrong, f"{named(wrong)}: rules decide; functions wait."


def test_no_path_of_one_machine() -> None:
    found = [path for path in ALL if path.suffix in TEXT_SUFFIXES and MACHINE_PATH.search(text_of(path))]
    assert not found, f"a path of somebody's machine in {named(found)}: give it by a setting."


def test_no_package_index_of_ones_own() -> None:
    found = [path for path in ALL if path.suffix in TEXT_SUFFIXES and OWN_INDEX.search(text_of(path))]
    assert not found, f"a package index in {named(found)}: it belongs to the machine's configuration."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = {anchor(title) for title in re.findall(r"^#+\s+(.+)$", page.read_text(), flags=re.MULTILINE)}
    broken = []
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        where, _, fragment = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        if where and not (page.parent / where).exists():
            broken.append(target)
        if not where and fragment not in headings:
            broken.append(target)
    assert not broken, f"{page.relative_to(ROOT)}: broken links {broken}"


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def anchor(title: str) -> str:
    """A heading's fragment, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
