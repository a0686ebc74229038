"""docs/metrics.md and docs/metrics.gen.json: every metric with its type, unit, labels, meaning and exporter.

The catalogue is read from the definitions: `Counter`, `Gauge` and `Histogram` in `cift/` and `operators/`,
and the macros `metrics!` and the HELP lines in the Rust services. A test compares it with a running exchange.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

KINDS = {"Counter": "counter", "Gauge": "gauge", "Histogram": "histogram"}
RUST = {"matchd": ("src/metrics.rs", "src/health.rs"), "relay": ("src/metrics.rs",)}
UNITS = (("_timestamp_seconds", "seconds since 1970"), ("_seconds", "seconds"), ("_bytes", "bytes"))
HEAD = """\
# Metrics
Every metric that the exchange exports, as Prometheus text at `/metrics`. `make generate` writes this page and
`metrics.gen.json` from the definitions.

Exporters: `matchd` and `relay` (one process each), `functions` (every process that serves functions) and
`operator`.
A histogram `x` has the series `x_bucket`, `x_sum` and `x_count`.

"""


class UnreadableMetrics(Exception):
    """A definition is not in the form that this file expects; one sentence."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue; `name` is the name in the text of Prometheus."""

    name: str
    type: str
    unit: str
    labels: tuple[str, ...]
    meaning: str
    exporter: str


def metrics(root: Path) -> list[Metric]:
    """All metrics, sorted by exporter and name. Raises UnreadableMetrics."""
    found = [*_python(root, "cift", "functions"), *_python(root, "operators", "operator"), *_rust(root)]
    names = [each.name for each in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UnreadableMetrics(f"these metrics are defined twice: {', '.join(sorted(twice))}")
    return sorted(found, key=lambda each: (each.exporter, each.name))


def catalogue(root: Path) -> str:
    """The machine-readable catalogue."""
    return json.dumps([asdict(each) for each in metrics(root)], indent=1, ensure_ascii=False) + "\n"


def page(root: Path) -> str:
    """The page for people."""
    text = [HEAD.rstrip("\n"), ""]
    found = metrics(root)
    for exporter in dict.fromkeys(each.exporter for each in found):
        text += [f"## {exporter}", "| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"]
        for each in found:
            if each.exporter == exporter:
                labels = ", ".join(each.labels)
                cells = (f"`{each.name}`", each.type, each.unit, labels, each.meaning)
                text.append(f"| {' | '.join(cells)} |")
        text.append("")
    return "\n".join(text)


def _python(root: Path, folder: str, exporter: str) -> Iterator[Metric]:
    for path in sorted((root / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            metric = _defined(node, exporter)
            if metric is not None:
                yield metric


def _defined(node: ast.AST, exporter: str) -> Metric | None:
    """The metric that a call defines; None for every other node."""
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return None
    function = node.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    texts = [
        arg.value for arg in node.args[:2] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    ]
    if called not in KINDS or len(texts) != 2:
        return None
    labels: tuple[str, ...] = ()
    if len(node.args) > 2:
        labels = tuple(ast.literal_eval(node.args[2]))
    kind, name = KINDS[called], texts[0]
    if kind == "counter" and not name.endswith("_total"):
        name += "_total"
    return Metric(name, kind, _unit(name), labels, texts[1], exporter)


def _rust(root: Path) -> Iterator[Metric]:
    for crate, files in RUST.items():
        text = "".join((root / "rust_core/crates" / crate / file).read_text() for file in files)
        labels = ("function",) if crate == "relay" else ()
        rows = re.findall(r'^\s+"(gauge|counter)" \w+ "(\w+)" "([^"]+)";$', text, flags=re.MULTILINE)
        if not rows:
            raise UnreadableMetrics(f"the sources of {crate} have no macro `metrics!` in the known form")
        for kind, name, meaning in rows:
            yield Metric(name, kind, _unit(name), labels, meaning, crate)
        for name, meaning, kind in re.findall(r"# HELP (\w+) ([^\\{]+)\\n# TYPE \w+ (\w+)", text):
            own = {"matchd_role": ("role",), "relay_nats_connected": ()}.get(name, labels)
            yield Metric(name, kind, _unit(name), own, meaning, crate)
        for name, meaning in re.findall(r'\("(\w+)", "([^"]+)", &self\.', text):
            yield Metric(name, "histogram", _unit(name), (), meaning, crate)


def _unit(name: str) -> str:
    plain = name.removesuffix("_total")
    return next((unit for suffix, unit in UNITS if plain.endswith(suffix)), "number")
