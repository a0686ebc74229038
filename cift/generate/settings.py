"""docs/settings.md: every environment variable `CIFT_…` with its default, its meaning and its readers.

The page is built from the definitions: the fields of `cift.platform.settings.Settings`, the table in
`cift/feeds/settings.py`, the fields in `operators/settings.py`, and the arguments of the Rust programs
(clap's `#[arg(env = "CIFT_…")]`). `OTHERS` has the variables that are read in single places. A test
searches the sources for names that the page lacks.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from cift.platform.settings import Settings

PYTHON = "Python"
"""As HEAD explains it."""
CRATES = {
    "daemon": "matchd, relay",
    "matchd": "matchd",
    "relay": "relay",
    "testbed": "cargo tests",
}
"""Crate → the programs that read its settings."""


class UnreadableSettings(Exception):
    """A definition of settings is not in the form that this file expects; one sentence."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the page."""

    name: str
    default: str
    meaning: str
    readers: str


OTHERS = {
    "The command line": (
        Variable("CIFT_URL", "http://127.0.0.1:8000", "the address of the exchange", "`cift`"),
        Variable("CIFT_API_KEY", "", "API key; without it the saved login is used", "`cift`"),
        Variable("CIFT_PASSWORD", "", "password of `login` and `register`, instead of a prompt", "`cift`"),
        Variable(
            "CIFT_NEW_PASSWORD",
            "",
            "new password of `password` and `reset-password`, instead of a prompt",
            "`cift`",
        ),
        Variable(
            "CIFT_ACCOUNT_ID",
            "",
            "id of the account; with CIFT_URL and CIFT_API_KEY in the Secret of a TradingAccount",
            "programs of an account in a cluster",
        ),
    ),
    "Programs of the chart": (
        Variable(
            "CIFT_FUNCTION",
            "",
            "name of the one function to serve, such as trading.place_order",
            "`python -m cift.host`",
        ),
        Variable("CIFT_POSTGRES_PASSWORD_FILE", "", "file with the password", "k8s/servers/postgres.py"),
        Variable("CIFT_POSTGRES_MAX_CONNECTIONS", "200", "max_connections", "k8s/servers/postgres.py"),
        Variable("CIFT_POSTGRES_SHARED_BUFFERS", "128MB", "shared_buffers", "k8s/servers/postgres.py"),
        Variable("CIFT_POOLER_PORT", "", "port of PgBouncer", "k8s/pooler/pooler.py"),
        Variable("CIFT_POOLER_SIZE", "", "connections to PostgreSQL", "k8s/pooler/pooler.py"),
        Variable("CIFT_POOLER_CLIENTS_MAX", "", "connections of functions", "k8s/pooler/pooler.py"),
        Variable("CIFT_POOLER_FOLDER", "/run/pooler", "folder of its configuration", "k8s/pooler/pooler.py"),
        Variable(
            "CIFT_PGBOUNCER_ROOT", "/opt/pgbouncer", "PgBouncer and its libraries", "k8s/pooler/pooler.py"
        ),
        Variable("CIFT_VALKEY_PASSWORD_FILE", "", "file with the password", "k8s/servers/valkey.py"),
        Variable("CIFT_CLICKHOUSE_PASSWORD_FILE", "", "file with the password", "k8s/servers/clickhouse.py"),
        Variable("CIFT_CLICKHOUSE_FOLDER", "the volume", "folder of the data", "k8s/servers/clickhouse.py"),
        Variable("CIFT_CLICKHOUSE_PORT", "8123", "port of HTTP", "k8s/servers/clickhouse.py"),
    ),
    "Building": (
        Variable(
            "CIFT_MATCHD",
            "rust_core/target/release/matchd",
            "the matching engine's binary",
            "`make run`, `cift verify`, tests, images",
        ),
        Variable("CIFT_RELAY", "rust_core/target/release/relay", "the binary of relay", "tests, images"),
        Variable("CIFT_CORE_WHEELS", ".venv/wheels", "folder with the wheel of cift_core", "images"),
        Variable("CIFT_IMAGE_REGISTRY", "dev.local/cift", "prefix of the images' names", "images"),
        Variable(
            "CIFT_CACHE",
            "cift in the user's cache folder",
            "folder for built tools that all clones share",
            "make, test cluster",
        ),
    ),
    "Tests": (
        Variable("CIFT_TEST_URL", "", "test this running exchange instead of a new one", "pytest"),
        Variable(
            "CIFT_TEST_JOURNAL_URL",
            "CIFT_NATS_URL",
            "NATS with a login that may read the journal, for CIFT_TEST_URL",
            "pytest",
        ),
        Variable("CIFT_SHARED", "", "folder whose `data` holds whole recorded days", "pytest"),
        Variable("CIFT_LEAN_DATA", "", "folder of QuantConnect Lean's data", "scripts/build_sample.py"),
        Variable("CIFT_NATS_SERVER", "nats-server on the PATH", "binary of nats-server", "cargo tests"),
        Variable("CIFT_WRITE_VECTORS", "", "1: write the test vectors instead of comparing", "cargo tests"),
        Variable(
            "CIFT_ABI",
            "book",
            "what runs behind the C ABI: book, engine, keys or btree",
            "a benchmark's harness",
        ),
        Variable("CIFT_SIM_COMMANDS", "1,000,000", "number of commands of the simulation", "cargo tests"),
        Variable("CIFT_SIM_SEED", "1", "first seed of the simulation", "cargo tests"),
        Variable(
            "CIFT_CRASH_AT",
            "",
            "`<point>[:n]`: abort at the n-th passage of a named point of the program",
            "matchd in tests",
        ),
        Variable("CIFT_CHROMIUM", "", "path of the browser that tests the dashboard", "tests/dashboard"),
        Variable("CIFT_REQUIRE_BROWSER", "", "if set, a missing browser is a failure", "tests/dashboard"),
        Variable("CIFT_SCREENSHOTS", "", "folder for screenshots of the dashboard", "tests/dashboard"),
        Variable("CIFT_PANIC_ON", "", "id of the order at which matchd panics", "tests of matchd"),
        Variable("CIFT_FAULT_ROUNDS", "3", "rounds of killed processes", "tests/faults"),
        Variable(
            "CIFT_SCHEMA_EXAMPLES",
            "2",
            "requests of schemathesis per operation",
            "tests/host/test_openapi.py",
        ),
        Variable("CIFT_FAULT_SEED", "1", "seed of the choice of processes to kill", "tests/faults"),
        Variable(
            "CIFT_FAULT_SETTLE_S", "120", "seconds in which the projectors must catch up", "tests/faults"
        ),
        Variable("CIFT_HELM", "helm on the PATH", "binary of helm", "tests/chart, tests/cluster"),
        Variable("CIFT_KUBE", "built by the test cluster", "binary of the control plane", "tests/operators"),
        Variable("CIFT_REQUIRE_KUBE", "", "1: fail instead of skipping without helm or API server", "pytest"),
        Variable("CIFT_KUBECONFIG", "the test cluster's", "use this cluster", "tests, bench"),
        Variable("CIFT_CLUSTER_HOME", "cluster in CIFT_CACHE", "folder of the test cluster", "test cluster"),
        Variable("CIFT_TEST_TAG", "that of .images", "tag of the images in the cluster", "tests/cluster"),
        Variable("CIFT_TEST_SET", "", "further values of the chart: `a=b c=d`", "tests/cluster"),
    ),
}
ALSO_READ_BY = {"CIFT_JOURNAL_MAX_BYTES": "`make run`"}
"""Further programs that read a variable of another section."""
PROVIDERS = (
    Variable("CIFT_ALPACA_URL", "Alpaca's", "another address of the stream", "market"),
    Variable("CIFT_ALPACA_REST_URL", "Alpaca's", "another address of the history", "market"),
    Variable("CIFT_MASSIVE_URL", "Massive's", "another address of the stream", "market"),
    Variable("CIFT_MASSIVE_REST_URL", "Massive's", "another address of the history", "market"),
)
HEAD = """\
# Settings
All settings are environment variables. `make generate` writes this page from their definitions. Of the
readers, "Python" means functions, `make run`, `cift`, the chart's jobs and the operator.

`CIFT_<NAME>_FILE` names a file with the value of `CIFT_<NAME>`, so that a password is in no environment.
Python, matchd and relay read it.
"""


def page(root: Path) -> str:
    """The whole page. Raises UnreadableSettings."""
    sections = {
        "Functions and `make run`": tuple(python_settings()),
        "The outside market": (*market_settings(root), *PROVIDERS),
        "matchd and relay": tuple(rust_settings(root)),
        "The operator": tuple(operator_settings(root)),
        **OTHERS,
    }
    readers: dict[str, list[str]] = {}
    for variables in sections.values():
        for variable in variables:
            readers.setdefault(variable.name, []).append(variable.readers)
    text, shown = [HEAD], set()
    for title, variables in sections.items():
        text += [f"## {title}", "| variable | default | meaning | read by |", "|---|---|---|---|"]
        for variable in variables:
            if variable.name in shown:
                continue  # an earlier section has it; its readers are added there
            shown.add(variable.name)
            also = ALSO_READ_BY.get(variable.name)
            read_by = ", ".join(dict.fromkeys([*readers[variable.name], *([also] if also else [])]))
            meaning = f"{variable.meaning[0].upper()}{variable.meaning[1:].rstrip('.')}."
            cells = (f"`{variable.name}`", variable.default, meaning, read_by)
            text.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        text.append("")
    return "\n".join(text)


def python_settings() -> Iterator[Variable]:
    """The fields of `Settings`."""
    for each in fields(Settings):
        name = f"CIFT_{each.name.upper()}"
        yield Variable(name, _shown(name, each.default), each.metadata["doc"], PYTHON)


def market_settings(root: Path) -> Iterator[Variable]:
    """The rows of the table in the docstring of cift/feeds/settings.py that have a meaning."""
    path = root / "cift/feeds/settings.py"
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    rows = re.findall(r"^\| (CIFT_[A-Z_, ]+?) \| (.*?) ?\| (.+?) \|$", doc, flags=re.MULTILINE)
    if not rows:
        raise UnreadableSettings(f"{path} has no table of its settings in its docstring")
    for names, default, meaning in rows:
        for name in names.split(", "):
            yield Variable(name, default, meaning, "market")


def operator_settings(root: Path) -> Iterator[Variable]:
    """The fields of `OperatorSettings`, each with the docstring that follows it."""
    path = root / "operators/settings.py"
    body = next(
        (node.body for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)), []
    )
    found = 0
    for field, doc in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.value:
            if not (isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant)):
                raise UnreadableSettings(f"{path}: the field {field.target.id} has no docstring")
            found += 1
            name = f"CIFT_OPERATOR_{field.target.id.upper()}"
            yield Variable(
                name, _shown(name, ast.literal_eval(field.value)), str(doc.value.value), "operator"
            )
    if not found:
        raise UnreadableSettings(f"{path} has no fields with docstrings")


def rust_settings(root: Path) -> Iterator[Variable]:
    """clap's arguments with `env = "CIFT_…"` in all crates.

    Raises:
        UnreadableSettings: an argument or its default is not in the expected form.
    """
    crates = root / "rust_core" / "crates"
    for path in sorted(crates.glob("*/src/**/*.rs")):
        text = path.read_text()
        expected = len(re.findall(r'env = "CIFT_', text))
        if not expected or "bin" in path.parts:  # binaries below src/bin are benchmarks
            continue
        crate = path.relative_to(crates).parts[0]
        found = list(_arguments(text))
        if len(found) != expected:
            raise UnreadableSettings(f"{path} has {expected} arguments with env, but {len(found)} were read")
        for name, default, doc in found:
            yield Variable(name, default, doc, CRATES.get(crate, crate))


_ARGUMENT = re.compile(
    r"(?P<doc>(?:^ *///[^\n]*\n)+)^ *#\[arg\((?P<arg>.*?)\)\]\n *(?:pub(?:\([a-z]+\))? )?(?P<field>\w+):",
    flags=re.MULTILINE | re.DOTALL,
)


def _arguments(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, default and meaning of each argument that has a variable."""
    for match in _ARGUMENT.finditer(text):
        name = re.search(r'env = "(CIFT_[A-Z0-9_]+)"', match["arg"])
        if name is None:
            continue
        doc = " ".join(line.strip().removeprefix("///").strip() for line in match["doc"].splitlines())
        literal = re.search(r'default_value = "([^"]*)"', match["arg"])
        number = re.search(r"default_value_t = ([^,\n]+)", match["arg"])
        default = literal[1] if literal else ""
        if number:
            default = _shown(name[1], _value(number[1].strip(), text))
        yield name[1], default, doc


def _value(expression: str, text: str) -> int:
    """A Rust expression of integers: numbers, `<<`, `*`, and constants of the same file."""
    constant = re.search(rf"const {re.escape(expression)}: \w+ = ([^;]+);", text)
    if constant:
        return _value(constant[1], text)
    if not re.fullmatch(r"[\d_ <*()]+", expression):
        raise UnreadableSettings(f"the default {expression!r} is not a number or a constant of its file")

    def value(node: ast.AST) -> int:
        match node:
            case ast.Constant(int(number)):
                return number
            case ast.BinOp(left, ast.LShift(), right):
                return value(left) << value(right)
            case ast.BinOp(left, ast.Mult(), right):
                return value(left) * value(right)
        raise UnreadableSettings(f"the default {expression!r} is not a product or a shift of numbers")

    return value(ast.parse(expression, mode="eval").body)


def _shown(name: str, value: Any) -> str:
    """A default as the page shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and name.endswith("BYTES"):
        for size, unit in ((1024**3, "GiB"), (1024**2, "MiB")):
            if value % size == 0:
                return f"{value // size} {unit}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)
