"""Write every derived file, or report which ones would change."""

from pathlib import Path
from typing import Any

import yaml

from cift.generate import asyncapi, calendars, chart, client, metrics, pages, recipes, settings, skaffold
from cift.host.loading import load_functions

ROOT = Path(__file__).resolve().parent.parent.parent
VALUES = "charts/cift/values.yaml"
CATALOGUE = "functions/README.md"
HEADER = "# Written by `make generate` from the declarations in functions/. Do not edit.\n"


class Stale(Exception):
    """Committed files differ from the declarations; the text names them, and the remedy."""


def derived(root: Path = ROOT) -> dict[str, str]:
    """Path and text of every derived file.

    Raises:
        chart.OverBudget, pages.NoMarks, settings.UnreadableSettings,
            metrics.UnreadableMetrics, InvalidFunction: one sentence.
    """
    functions = load_functions()
    chart.check_budget(functions, chart.Connections.of(yaml.safe_load((root / VALUES).read_text())))
    http, streams = pages.openapi(functions), asyncapi.document(functions)
    return {
        "charts/cift/functions.gen.yaml": _yaml(chart.function_map(functions)),
        "k8s/skaffold.gen.yaml": _yaml(skaffold.artifacts(functions)),
        "functions/openapi.gen.json": http,
        "functions/asyncapi.gen.json": streams,
        **client.files(http, streams),
        **{f"cift/platform/calendars/{name}": text for name, text in calendars.files().items()},
        "docs/settings.md": settings.page(ROOT),
        recipes.PAGE: recipes.page(ROOT),
        "docs/metrics.md": metrics.page(ROOT),
        "docs/metrics.gen.json": metrics.catalogue(ROOT),
        CATALOGUE: pages.catalogue((root / CATALOGUE).read_text(), functions),
    }


def generate(*, check: bool, root: Path = ROOT) -> list[str]:
    """Write the files that differ and return their paths; with `check` write nothing.

    Raises:
        Stale: with `check`, when something differs.
        chart.OverBudget, pages.NoMarks, settings.UnreadableSettings, InvalidFunction: one sentence.
    """
    differ = {path: text for path, text in derived(root).items() if _read(root / path) != text}
    if check and differ:
        raise Stale(f"these files differ from their sources: {', '.join(differ)}; run `make generate`")
    for path, text in differ.items():
        (root / path).write_text(text)
    return list(differ)


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


class _Dumper(yaml.SafeDumper):
    """Writes no YAML anchors, so that each value stands where it applies."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(document: dict[str, Any]) -> str:
    return HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120)
