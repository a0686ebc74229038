"""docs/settings.md has every variable that the sources name, and no other."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cift.generate import files, settings
from cift.generate.settings import UnreadableSettings, Variable

ROOT = files.ROOT
PAGE = "docs/settings.md"
NAME = re.compile(r"\bCIFT_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?![_<*{\[…])")
NOT_SETTINGS = {
    "CIFT_X": "a made-up name in tests/platform/test_settings.py",
}
DEFINED_BY_FIELDS = {variable.name for variable in settings.python_settings()} | {
    variable.name for variable in settings.operator_settings(ROOT)
}
"""The sources contain these names as fields."""


def sources() -> dict[str, str]:
    """Path and text of the repository's files, without this page, its generator and data."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    suffixes = (
        ".py",
        ".rs",
        ".sh",
        ".yaml",
        ".yml",
        ".tpl",
        ".toml",
        ".md",
        ".txt",
        "Makefile",
        "Dockerfile",
        "run",
    )
    left_out = (PAGE, "cift/generate/settings.py", "tests/generate/test_settings.py")
    return {
        path: (ROOT / path).read_text(errors="replace")
        for path in listed.splitlines()
        if path.endswith(suffixes) and path not in left_out and (ROOT / path).is_file()
    }


def plain(name: str, known: set[str]) -> str:
    """`CIFT_NATS_URL_FILE` → `CIFT_NATS_URL`, unless the page has the name with _FILE."""
    return name if name in known else name.removesuffix("_FILE")


def on_page() -> set[str]:
    return set(re.findall(r"^\| `(CIFT_[A-Z0-9_]+)` ", (ROOT / PAGE).read_text(), flags=re.MULTILINE))


def test_the_page_has_every_variable_of_the_sources() -> None:
    known = on_page()
    missing = {
        plain(name, known): path
        for path, text in sources().items()
        for name in NAME.findall(text)
        if plain(name, known) not in known and plain(name, known) not in NOT_SETTINGS
    }
    assert not missing, (
        f"add these to OTHERS in cift/generate/settings.py, then run `make generate`: {missing}"
    )


def test_the_sources_name_every_variable_of_the_page() -> None:
    named = {name for text in sources().values() for name in NAME.findall(text)}
    unknown = on_page() - named - DEFINED_BY_FIELDS
    assert not unknown, f"no source reads these: remove them from cift/generate/settings.py: {unknown}"


def test_every_variable_has_a_meaning_and_a_reader() -> None:
    rows = re.findall(
        r"^\| `(CIFT_\w+)` \|(.*)\|(.*)\|(.*)\|$", (ROOT / PAGE).read_text(), flags=re.MULTILINE
    )
    assert len(rows) > 80 and len({name for name, *_ in rows}) == len(rows)
    for name, _, meaning, readers in rows:
        assert len(meaning.strip()) > 3 and readers.strip(), name


def test_rust_settings_have_the_defaults_of_their_definitions() -> None:
    found = {variable.name: variable for variable in settings.rust_settings(ROOT)}
    assert found["CIFT_JOURNAL_MAX_BYTES"].default == "8 GiB"
    assert found["CIFT_QUEUE_BYTES"].default == "64 MiB", "from a constant"
    assert found["CIFT_MATCHD_METRICS"].default == "127.0.0.1:9101"
    assert found["CIFT_RELAY_CONFIG"].default == ""
    assert "NATS" in found["CIFT_NATS_URL"].meaning


def python_defaults(text: str) -> Iterator[tuple[str, Any]]:
    """Name and default of each variable that this Python source reads with a default that is a constant:
    `get("CIFT_A", "x")`, `get("CIFT_A") or "x"`, and `_number(environment, "CIFT_A", 1, …)`."""
    tree = ast.parse(text)
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }

    def name_and_rest(node: ast.AST) -> tuple[str, list[ast.expr]] | None:
        if isinstance(node, ast.Call):
            for index, argument in enumerate(node.args[:2]):
                if isinstance(argument, ast.Constant) and str(argument.value).startswith("CIFT_"):
                    return str(argument.value), node.args[index + 1 :]
        return None

    for node in ast.walk(tree):
        found, default = name_and_rest(node), None
        if found and found[1]:
            default = found[1][0]
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            found, default = name_and_rest(node.values[-2]), node.values[-1]
        if found and isinstance(default, ast.Constant):
            yield found[0], default.value
        elif found and isinstance(default, ast.Name) and default.id in constants:
            yield found[0], constants[default.id]


def rust_test_defaults(text: str) -> Iterator[tuple[str, int]]:
    """Name and default of each `setting("CIFT_A", 1)` in a Rust test; the default may be a constant."""
    for name, default in re.findall(r'setting\("(CIFT_\w+)", (\w+)', text):
        constant = re.search(rf"const {default}: \w+ = ([\d_]+);", text)
        yield name, int(constant[1] if constant else default)


def test_the_page_has_the_defaults_that_the_sources_use() -> None:
    page = (ROOT / PAGE).read_text()
    shown = dict(re.findall(r"^\| `(CIFT_\w+)` \| ?(.*?) ?\|", page, flags=re.MULTILINE))
    checked: set[str] = set()
    wrong: list[str] = []
    for path, text in sources().items():
        if "CIFT_" not in text:
            continue
        defaults = python_defaults(text) if path.endswith(".py") else rust_test_defaults(text)
        for name, default in defaults:
            if name in shown and default not in ("", None):
                checked.add(name)
                if shown[name].replace(",", "") != settings._shown(name, default):
                    wrong.append(
                        f"{path} reads {name} with the default {default!r}, the page has {shown[name]!r}"
                    )
    assert not wrong, "\n".join(wrong)
    assert checked >= {"CIFT_URL", "CIFT_MARKET", "CIFT_SPEED", "CIFT_CLICKHOUSE_PORT", "CIFT_SIM_COMMANDS"}


def crate(folder: Path, text: str) -> Path:
    source = folder / "rust_core" / "crates" / "some" / "src"
    source.mkdir(parents=True)
    (source / "settings.rs").write_text(text)
    return folder


def test_a_rust_argument_is_read_with_its_comment_default_and_crate(tmp_path: Path) -> None:
    text = """
const LIMIT: usize = 3 * 1024 * 1024;
pub struct Settings {
    /// The first line
    /// and the second.
    #[arg(
        long,
        env = "CIFT_SOME_BYTES",
        default_value_t = LIMIT
    )]
    pub(crate) bytes: usize,
    /// Not from the environment.
    #[arg(long)]
    pub other: bool,
}
"""
    assert list(settings.rust_settings(crate(tmp_path, text))) == [
        Variable("CIFT_SOME_BYTES", "3 MiB", "The first line and the second.", "some")
    ]


@pytest.mark.parametrize(
    ("argument", "problem"),
    [
        (
            '#[arg(long, env = "CIFT_SOME")]\n    pub some: String,',
            "has 1 arguments with env, but 0 were read",
        ),
        (
            '/// Some.\n    #[arg(long, env = "CIFT_SOME", default_value_t = size())]\n    pub some: usize,',
            "is not a number or a constant",
        ),
    ],
    ids=["no comment", "unknown default"],
)
def test_a_rust_argument_that_cannot_be_read_is_an_error(tmp_path: Path, argument: str, problem: str) -> None:
    with pytest.raises(UnreadableSettings, match=problem):
        list(settings.rust_settings(crate(tmp_path, f"pub struct Settings {{\n    {argument}\n}}\n")))


def test_the_readme_links_to_the_page() -> None:
    assert f"]({PAGE})" in (ROOT / "README.md").read_text()
