"""Every value of the chart is documented and typed. Helm rejects invalid values before it installs."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from tests.chart.helm import CHART, helm, render

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
FILES = ("values-dev.yaml", "values-production.yaml")
TAG = ("--set", "images.tag=t1")
KUBE = ("--kube-version", "1.31.0")
Path = tuple[str, ...]
WRONG: dict[type, list[Any]] = {
    bool: ["yes", 1, None],
    int: ["many", -1, True, 1.5, []],
    float: ["many", -1, True, []],
    str: [{"a": 1}, ["a"], True],
    list: ["a", {"a": 1}, 1],
    dict: ["a", [1], 1],
}


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its references resolved."""
    found = dict(schema)
    for each in schema.get("allOf", [schema] if "$ref" in schema else []):
        found |= SCHEMA["definitions"][each["$ref"].rpartition("/")[2]] | {
            key: value for key, value in schema.items() if key not in ("$ref", "allOf")
        }
    return found


def at(path: Path) -> dict[str, Any] | None:
    """The schema of a value, None if it has none."""
    here = SCHEMA
    for key in path:
        here = resolved(here)
        if key not in here.get("properties", {}):
            return None
        here = here["properties"][key]
    return here


def paths(values: Any = VALUES, here: Path = ()) -> Iterator[Path]:
    """The paths of all values and maps, except below maps whose keys the user chooses."""
    for key, value in values.items():
        yield (*here, key)
        schema = at((*here, key))
        if isinstance(value, dict) and schema and "properties" in resolved(schema):
            yield from paths(value, (*here, key))


def with_value(path: Path, value: Any) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(VALUES)
    where = changed
    for key in path[:-1]:
        where = where[key]
    where[path[-1]] = value
    return changed


def merged(values: Any, change: Any) -> Any:
    if not (isinstance(values, dict) and isinstance(change, dict)):
        return change
    return {**values, **{key: merged(values.get(key), each) for key, each in change.items()}}


def value_at(path: Path) -> Any:
    found: Any = VALUES
    for key in path:
        found = found[key]
    return found


ALL = list(paths())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def test_the_schema_is_a_valid_json_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", ALL, ids=".".join)
def test_every_value_is_described(path: Path) -> None:
    schema = at(path)
    assert schema is not None, f"{'.'.join(path)} is in values.yaml and not in values.schema.json"
    assert len(resolved(schema).get("description", "")) >= 8


def test_the_schema_describes_no_value_that_does_not_exist() -> None:
    def named(schema: dict[str, Any], here: Path) -> Iterator[Path]:
        for key, each in resolved(schema).get("properties", {}).items():
            yield (*here, key)
            yield from named(each, (*here, key))

    known = {path for path in named(SCHEMA, ()) if path not in {("global",)}}
    optional = {path for path in known if path[-2:-1] in {("requests",), ("limits",), ("resources",)}}
    assert known - optional <= set(ALL)


def test_every_map_rejects_unknown_keys() -> None:
    for path in [(), *ALL]:
        schema = resolved(at(path) or {})
        if schema.get("type") == "object":
            assert "additionalProperties" in schema or path == ("global",), path
            if "properties" in schema:
                assert schema["additionalProperties"] is False, path


def test_the_values_files_are_valid() -> None:
    VALIDATOR.validate(VALUES)
    for file in FILES:
        change = yaml.safe_load((CHART / file).read_text())
        VALIDATOR.validate(change)
        VALIDATOR.validate(merged(VALUES, change))


def test_the_items_of_an_enumeration_differ_as_text() -> None:
    """helm 3.18 to 3.19 read "1" and 1 as equal items and then refuse the schema."""
    enumerations = {path: schema["enum"] for path in ALL if "enum" in (schema := resolved(at(path) or {}))}
    assert enumerations
    for path, items in enumerations.items():
        assert len({str(item) for item in items}) == len(items), path


@pytest.mark.parametrize("path", ALL, ids=".".join)
def test_a_value_of_the_wrong_type_is_rejected(path: Path) -> None:
    kind = type(value_at(path))
    for wrong in WRONG[kind]:
        if (path, wrong) == (("knative", "initialScale"), 1):
            continue
        fraction = resolved(at(path) or {}).get("type", ["number"])
        if wrong == 1.5 and "number" in fraction:
            continue
        assert not VALIDATOR.is_valid(with_value(path, wrong)), f"{'.'.join(path)}: {wrong!r} was accepted"


@pytest.mark.parametrize("path", [(), *ALL], ids=lambda path: ".".join(path) or "root")
def test_a_misspelt_value_is_rejected(path: Path) -> None:
    schema = resolved(at(path) or SCHEMA)
    if "properties" in schema and isinstance(value_at(path), dict):
        assert not VALIDATOR.is_valid(with_value((*path, "replcias"), 1))


FUNCTION = {
    "mode": "deployment",
    "scale": {"min": 1, "max": 4, "concurrency": 20},
    "env": {"CIFT_LOG_LEVEL": "debug"},
    "resources": {"limits": {"memory": "512Mi"}},
    "egress": [{"cidrs": ["198.51.100.7/32"], "ports": [443]}],
}


def test_only_some_properties_of_a_function_can_be_overridden() -> None:
    changed = with_value(("functions",), {"trading-place-order": FUNCTION})
    VALIDATOR.validate(changed)
    for wrong in (
        {"mode": "lambda"},
        {"scale": {"max": 0}},
        {"scale": 3},
        {"path": "/elsewhere"},
        {"needs": []},
        {"env": {"lower": "x"}},
        {"env": []},
        {"resources": {"limits": {"memory": "much"}}},
        {"egress": [{"cidrs": ["everywhere"], "ports": [443]}]},
        {"egress": [{"cidrs": ["198.51.100.7/32"]}]},
        {"image": "no-tag"},
    ):
        assert not VALIDATOR.is_valid(with_value(("functions",), {"trading-place-order": wrong})), wrong
    assert not VALIDATOR.is_valid(with_value(("functions",), {"trading.place_order": {}}))


def test_helm_lint_passes() -> None:
    for files in ((), *((file,) for file in FILES)):
        named = [argument for file in files for argument in ("-f", str(CHART / file))]
        done = helm("lint", "--strict", str(CHART), *KUBE, *TAG, *named)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ("gateway.replicas=many", "replicas"),
        ("nats.replicas=2", "replicas"),
        ("gatway.replicas=2", "gatway"),
        ("mode=lambda", "mode"),
        ("images.tag=latest", "tag"),
        ("functions.trading-place-order.scale.max=0", "max"),
    ],
)
def test_helm_rejects_what_the_schema_rejects(setting: str, names: str) -> None:
    done = helm("template", "cift", str(CHART), *KUBE, *TAG, "--set", setting)
    assert done.returncode != 0 and "schema" in done.stderr and names in done.stderr


def test_helm_rejects_an_unknown_function() -> None:
    done = helm(
        "template", "cift", str(CHART), *KUBE, *TAG, "--set", "functions.trading-plac-order.mode=knative"
    )
    assert done.returncode != 0 and "functions.trading-plac-order: no function has this name" in done.stderr


def test_helm_rejects_an_empty_tag() -> None:
    done = helm("template", "cift", str(CHART), *KUBE)
    assert done.returncode != 0 and "images.tag is empty" in done.stderr


def test_an_exact_image_overrides_registry_and_tag() -> None:
    exact = {"matchd": "dev.local/cift/matchd:abc", "trading-place-order": "dev.local/cift/order:def"}
    rendered = render(images={"exact": exact})
    found = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in rendered
        if "template" in each.get("spec", {})
    }
    assert found["cift-matchd"] == exact["matchd"]
    assert found["trading-place-order"] == exact["trading-place-order"]
    assert found["trading-get-order"] == "dev.local/cift/trading-get-order:t1"
