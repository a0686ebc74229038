"""Style rules as tests. Each failure names the file and what to do."""

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
"""A longer file has this in its header: `Over 500 lines because …`."""
HEADER_LINES = 40
FUNCTION_FILE_LINES_MAX = 80
FUNCTION_LINES_MAX = 100
LONG_FUNCTIONS_IN = {
    "rust_core/crates/wire/src/command_read.rs",
    "rust_core/crates/wire/src/event.rs",
    "rust_core/crates/wire/src/event_write.rs",
    "rust_core/crates/wire/tests/round_trip.rs",
    "rust_core/crates/wire/tests/samples/mod.rs",
}
"""Files with longer functions, most with one arm for each message type. Remove an entry when it is split."""
RUST_FUNCTION = re.compile(r"^( *)(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe |extern \"C\" )*fn (\w+)")
BANNER = re.compile(r"^[ \t]*(?:#|//|--)\s?(?:[─━═=#*-]{3,}\s*$|[─━═=]{2,}|.*[─━═]{3,})", re.MULTILINE)
"""A comment that is a line, or a title between lines."""
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
# Split, so that this file does not match itself.
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


def test_the_lists_of_files_are_not_empty() -> None:
    assert len(SOURCES) > 50 and len(MODULES) > 20 and len(PAGES) > 2


def test_no_file_is_long_without_a_reason() -> None:
    long = []
    for path in SOURCES:
        lines = path.read_text().splitlines()
        header = "\n".join(lines[:HEADER_LINES])
        if len(lines) > LINES_MAX and LINES_REASON not in header and not generated(path):
            long.append(path)
    assert not long, (
        f"over {LINES_MAX} lines: {named(long)}. Split the file by subject, or write in its header"
        f" `Over {LINES_MAX} lines because …`."
    )


def test_no_function_is_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{line} {name} ({lines} lines)"
        for path in SOURCES
        if not generated(path)
        for line, name, lines in definitions(path)
        if lines > FUNCTION_LINES_MAX and path.relative_to(ROOT).as_posix() not in LONG_FUNCTIONS_IN
    ]
    assert not long, f"over {FUNCTION_LINES_MAX} lines: {', '.join(long)}. Split the function."


def test_no_banner_comments() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
        for path in ALL
        if path.suffix in SOURCE_SUFFIXES | {".yaml", ".toml"} or path.name in ("Dockerfile", "Makefile")
        if not generated(path)
        for text in [text_of(path)]
        for match in BANNER.finditer(text)
    ]
    assert not found, f"banner comments in {', '.join(found)}: delete them, or split the file."


def test_no_module_has_a_vague_name() -> None:
    vague = [path for path in SOURCES if FORBIDDEN_NAMES & {path.stem, *path.relative_to(ROOT).parts[:-1]}]
    assert not vague, f"{named(vague)}: name the module by its subject, not by who uses it."


def test_function_files_are_short() -> None:
    assert FUNCTIONS, "no functions found below functions/<domain>/"
    long = [path for path in FUNCTIONS if len(path.read_text().splitlines()) >= FUNCTION_FILE_LINES_MAX]
    assert not long, (
        f"{named(long)}: a function's file has under {FUNCTION_FILE_LINES_MAX} lines. Move decisions and SQL"
        " to its domain package."
    )


def test_functions_import_no_functions() -> None:
    wrong = [path for path in FUNCTIONS if any(name.startswith("functions.") for name in imported(path))]
    assert not wrong, f"{named(wrong)}: move what two functions share to a domain package in cift/."


def test_every_module_has_a_docstring() -> None:
    silent = [path for path in MODULES if path.read_text().strip() and not ast.get_docstring(parse(path))]
    assert not silent, f"no docstring at the top of {named(silent)}"


def test_rules_never_await() -> None:
    rules = [path for path in MODULES if path.name == "rules.py"]
    waiting = (ast.Await, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith)
    wrong = [path for path in rules if any(isinstance(node, waiting) for node in ast.walk(parse(path)))]
    assert not wrong, f"{named(wrong)}: rules.py must not await; await in the function and pass the result."


def test_no_path_of_one_machine() -> None:
    found = [path for path in ALL if path.suffix in TEXT_SUFFIXES and MACHINE_PATH.search(text_of(path))]
    assert not found, f"a path of one machine in {named(found)}: read it from a setting."


def test_no_package_index() -> None:
    found = [path for path in ALL if path.suffix in TEXT_SUFFIXES and OWN_INDEX.search(text_of(path))]
    assert not found, f"a package index in {named(found)}: it belongs to the machine's configuration."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_are_not_broken(page: Path) -> None:
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


def definitions(path: Path) -> Iterator[tuple[int, str, int]]:
    """Functions of a Python or Rust file: line, name, number of lines. Rust needs rustfmt's indentation."""
    if path.suffix == ".py":
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1
    if path.suffix == ".rs":
        lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            if found := RUST_FUNCTION.match(line):
                end = lines.index(f"{found[1]}}}", number) if not line.endswith(("}", ";")) else number
                yield number + 1, found[2], end - number + 1


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


def anchor(title: str) -> str:
    """The fragment of a heading, as GitHub derives it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
