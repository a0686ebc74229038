"""The catalogue of metrics (docs/metrics.gen.json) is that of a running exchange."""

import importlib
import json
import pkgutil

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

import cift
from cift.generate.metrics import Metric, UnreadableMetrics, metrics
from cift.platform import metrics as ours
from tests.stack import ROOT, Stack

CATALOGUE = {each["name"]: each for each in json.loads((ROOT / "docs/metrics.gen.json").read_text())}
LEFT_OUT = (
    "cift.run",
    "cift.cli",
    "cift.generate",
    "cift.install",
    "cift.features",
    "cift.backtest",
    "cift.risk",
)
"""Packages that export no metrics; some need packages that are not always installed."""


def exported(url: str) -> dict[str, tuple[str, str]]:
    """Type and HELP text by name, of the metrics that a process exports."""
    text = httpx.get(url).raise_for_status().text
    return {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.documentation)
        for family in text_string_to_metric_families(text)
    }


def listed(exporter: str) -> dict[str, tuple[str, str]]:
    return {
        name: (each["type"], each["meaning"])
        for name, each in CATALOGUE.items()
        if each["exporter"] == exporter
    }


@pytest.mark.parametrize("exporter", ["matchd", "relay"])
def test_the_services_export_exactly_their_part_of_the_catalogue(
    traced_exchange: Stack, exporter: str
) -> None:
    address = traced_exchange.run_file[f"{exporter}_metrics"]
    assert exported(f"http://{address}/metrics") == listed(exporter)


def test_the_functions_export_nothing_that_the_catalogue_lacks(traced_exchange: Stack) -> None:
    catalogue = listed("functions")
    for address in (traced_exchange.url, f"http://{traced_exchange.run_file['events_metrics']}"):
        found = exported(f"{address}/metrics")
        assert found["cift_request_seconds"][0] == "histogram"
        assert found.items() <= catalogue.items()


def test_every_metric_that_a_module_defines_is_in_the_catalogue_with_its_labels() -> None:
    for module in pkgutil.walk_packages(cift.__path__, "cift."):
        if not module.name.startswith(LEFT_OUT) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    defined = {
        each.name + ("_total" if each.kind == "counter" else ""): (
            each.kind,
            list(each.label_names),
            each.doc,
        )
        for each in ours._ALL
        if not each.name.startswith("tests_")
    }
    assert defined == {
        name: (each["type"], each["labels"], each["meaning"])
        for name, each in CATALOGUE.items()
        if each["exporter"] == "functions"
    }


def test_two_definitions_of_one_metric_are_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("twice")
    for folder in ("cift", "operators"):
        (root / folder).mkdir()
        (root / folder / "one.py").write_text('a = Counter("cift_a", "Things", ["kind"])\n')
    for file in ("matchd/src/metrics.rs", "matchd/src/health.rs", "relay/src/metrics.rs"):
        copied = root / "rust_core/crates" / file
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_text((ROOT / "rust_core/crates" / file).read_text())
    with pytest.raises(UnreadableMetrics, match="cift_a_total"):
        metrics(root)
    (root / "operators/one.py").write_text("")
    expected = Metric("cift_a_total", "counter", "number", ("kind",), "Things", "functions")
    assert metrics(root)[0] == expected
