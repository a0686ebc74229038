"""The files, images and values in skaffold's configuration exist in the repository and its chart.

skaffold, kind and minikube need Docker and do not run in these tests. The tests compare their configuration
with skaffold's own schema, the Dockerfiles and the rendered chart.
"""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cift.generate import chart, files, skaffold
from cift.host.loading import load_function, load_functions
from tests.chart.helm import render

ROOT = files.ROOT
SCHEMA = ROOT / "tests" / "schemas" / f"{skaffold.API_VERSION.replace('/', '-')}.json"
FOLDER = ROOT / "k8s"
"""skaffold resolves the paths of the generated file from this folder."""
GENERATED = yaml.safe_load((FOLDER / "skaffold.gen.yaml").read_text())
WRITTEN = {
    each["metadata"]["name"]: each for each in yaml.safe_load_all((ROOT / "skaffold.yaml").read_text())
}
BUILT = {artifact["image"]: artifact for artifact in GENERATED["build"]["artifacts"]}
RELEASE = GENERATED["deploy"]["helm"]["releases"][0]
ENGINE = {"cift.markets/dedicated": "matching"}


def names_of(prefix: str) -> set[str]:
    return {key.removeprefix(prefix) for key in RELEASE["setValueTemplates"]}


def release_values(source: str) -> dict[str, Any]:
    exact = {name: f"{skaffold.REGISTRY}/{name}:built" for name in names_of("images.exact.")}
    return {"images": {"exact": exact, "tag": ""}, "market": {"source": source, "existingSecret": "mine"}}


def rendered(source: str = RELEASE["setValues"]["market.source"]) -> list[dict[str, Any]]:
    """The chart rendered with skaffold's values, for its market or another."""
    inside = tuple(Path(file).relative_to(skaffold.CHART).as_posix() for file in RELEASE["valuesFiles"])
    return render(*inside, **release_values(source))


def test_every_function_has_an_image_with_its_own_file() -> None:
    for function in load_functions():
        artifact = BUILT[f"{skaffold.REGISTRY}/{chart.kebab(function)}"]
        arguments = artifact["docker"]["buildArgs"]
        assert arguments["FUNCTION"] == function.name
        assert (ROOT / arguments["FILE"]).is_file()
    replay = load_function("feeds.replay_market")
    base = BUILT[f"{skaffold.REGISTRY}/{chart.kebab(replay)}"]["requires"][0]["image"]
    assert base == f"{skaffold.REGISTRY}/{skaffold.base_image(replay.extras)}"
    assert base.startswith(f"{skaffold.REGISTRY}/base-") and "polars" in base


@pytest.mark.parametrize("image", list(BUILT))
def test_an_image_uses_existing_stages_arguments_and_files(image: str) -> None:
    artifact = BUILT[image]
    docker = artifact["docker"]
    text = (FOLDER / artifact["context"] / docker["dockerfile"]).read_text()
    stages = re.findall(r"^FROM \S+(?: AS (\S+))?", text, flags=re.M)
    assert docker.get("target", stages[-1]) in stages
    arguments = set(re.findall(r"^ARG (\w+)", text, flags=re.M))
    assert set(docker.get("buildArgs", {})) <= arguments
    for needed in artifact.get("requires", []):
        assert needed["image"] in BUILT and needed["alias"] in arguments
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, flags=re.M):
        if not source.startswith((".wheels/", "$")):
            assert list(ROOT.glob(source)), f"{docker['dockerfile']} copies {source}"


def test_a_change_in_cift_rebuilds_all_images_and_one_in_a_function_only_its_layer() -> None:
    text = (ROOT / skaffold.DOCKERFILE).read_text()
    function = text.partition(" AS function\n")[2]
    base = text.partition(" AS function\n")[0]
    assert "COPY cift /app/cift" in base and "functions" not in re.findall(r"^COPY (\S+)", base, flags=re.M)
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", function, flags=re.M))
    assert "${FILE}" in copied and copied <= {"functions/__init__.py", "${FILE}"}
    upon = {artifact["requires"][0]["alias"] for artifact in BUILT.values() if "requires" in artifact}
    assert upon == {"BASE"}


def test_the_release_runs_exactly_the_built_images() -> None:
    markets = {function.market for function in load_functions() if function.market}
    images = {
        container["image"]
        for market in sorted(markets)  # one daemon of the market runs at a time; each is built
        for each in rendered(market)
        if "template" in each.get("spec", {}) and each["kind"] != "NetworkPolicy"
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert images == {f"{skaffold.REGISTRY}/{name}:built" for name in names_of("images.exact.")}
    bases = {
        f"{skaffold.REGISTRY}/{skaffold.base_image(function.extras)}"
        for function in load_functions()
        if function.extras
    }
    assert set(BUILT) - bases == {image.removesuffix(":built") for image in images}
    for key, template in RELEASE["setValueTemplates"].items():
        name = key.removeprefix("images.exact.")
        suffix = re.sub(r"[./-]", "_", f"{skaffold.REGISTRY}/{name}")
        assert template == "{{.IMAGE_FULLY_QUALIFIED_" + suffix + "}}"


def test_the_release_uses_this_chart_and_valid_values() -> None:
    assert (FOLDER / RELEASE["chartPath"] / "Chart.yaml").is_file()
    assert all((FOLDER / file).is_file() for file in RELEASE["valuesFiles"])
    schema = json.loads((FOLDER / RELEASE["chartPath"] / "values.schema.json").read_text())
    jsonschema.Draft7Validator(schema).validate(release_values(RELEASE["setValues"]["market.source"]))


def test_skaffold_yaml_requires_the_generated_file_and_the_kinds_first() -> None:
    whole = WRITTEN["exchange"]
    kinds, generated = whole["requires"]
    assert kinds == {"configs": ["kinds"]} and "kinds" in WRITTEN
    assert (ROOT / generated["path"]) == FOLDER / "skaffold.gen.yaml"
    assert generated["configs"] == [GENERATED["metadata"]["name"]]
    for release in WRITTEN["kinds"]["deploy"]["helm"]["releases"]:
        assert (ROOT / release["chartPath"] / "Chart.yaml").is_file()


def test_each_forwarded_port_exists() -> None:
    services = {each["metadata"]["name"]: each for each in rendered() if each["kind"] == "Service"}
    for forward in WRITTEN["exchange"]["portForward"]:
        assert forward["namespace"] == RELEASE["namespace"]
        ports = {each["port"] for each in services[forward["resourceName"]]["spec"]["ports"]}
        assert forward["port"] in ports


def test_skaffold_s_run_label_is_kept_out_of_every_template() -> None:
    """Except Jobs: hooks' Jobs run once, so a changed label restarts nothing."""
    denied = {each["groupKind"]: each["labels"] for each in WRITTEN["exchange"]["resourceSelector"]["deny"]}
    kinds = set()
    for each in rendered():
        if "template" in each.get("spec", {}) and each["kind"] != "Job":
            group = each["apiVersion"].partition("/")[0]
            kinds.add(f"{each['kind']}.{group}")
    assert kinds == set(denied)
    assert set(map(tuple, denied.values())) == {(".spec.template.metadata.labels",)}


def test_both_files_match_skaffold_s_schema() -> None:
    schema = json.loads(SCHEMA.read_text())
    for document in [GENERATED, *WRITTEN.values()]:
        jsonschema.validate(document, schema)
        assert document["apiVersion"] == skaffold.API_VERSION
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document, "biuld": {}}, schema)


def test_kind_has_the_nodes_that_the_engine_requires() -> None:
    nodes = yaml.safe_load((ROOT / "k8s/kind/cluster.yaml").read_text())["nodes"]
    engine_nodes = [node for node in nodes if node.get("labels") == ENGINE]
    values = yaml.safe_load((ROOT / "charts/cift/values.yaml").read_text())["matchd"]
    assert len(engine_nodes) >= values["replicas"] and values["nodeSelector"] == ENGINE
    for node in engine_nodes:
        (patch,) = (yaml.safe_load(each) for each in node["kubeadmConfigPatches"])
        (taint,) = patch["nodeRegistration"]["taints"]
        (toleration,) = values["tolerations"]
        assert {key: toleration[key] for key in taint} == taint
        assert patch["nodeRegistration"]["kubeletExtraArgs"]["cpu-manager-policy"] == "static"
    assert len({node["image"] for node in nodes}) == 1
    assert [node for node in nodes if node["role"] == "worker" and node not in engine_nodes], (
        "a node for the rest"
    )
