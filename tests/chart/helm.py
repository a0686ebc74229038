"""The chart as helm renders it.

Helm is the one that CIFT_HELM names, the one that the test cluster built, or the one on PATH. Without any the
tests are skipped with a message; with CIFT_REQUIRE_KUBE they fail."""

import functools
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.local.places import BIN
from tests.stack import ROOT

CHART = ROOT / "charts" / "cift"
RELEASE, NAMESPACE, TAG = "cift", "exchange", "t1"
Object = dict[str, Any]


def helm_binary() -> str:
    """The path of helm. Without one, skips or fails the test."""
    named = os.environ.get("CIFT_HELM")
    if named:
        assert Path(named).is_file(), f"CIFT_HELM is {named}, which is not a file"
        return named
    built = BIN / "helm"
    found = str(built) if built.is_file() else shutil.which("helm")
    if found is None:
        sentence = (
            "THE CHART IS NOT TESTED: there is no helm. Set CIFT_HELM to one (the test cluster builds it)"
        )
        if os.environ.get("CIFT_REQUIRE_KUBE"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


def helm(*arguments: str, input: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run helm. It may fail."""
    return subprocess.run(
        [helm_binary(), *arguments],
        cwd=ROOT,
        input=input,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@functools.cache
def _rendered(values: str, files: tuple[str, ...]) -> str:
    named = [argument for file in files for argument in ("-f", str(CHART / file))]
    done = helm(
        *("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--kube-version", "1.31.0"),
        *("--set", f"images.tag={TAG}", *named, "-f", "-"),
        input=values,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def render(*files: str, **values: Any) -> list[Object]:
    """All objects of the chart, hooks included. `values` override `files`, values files in its folder."""
    text = _rendered(yaml.safe_dump(values), files)
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def named(rendered: Iterable[Object], kind: str, name: str) -> Object:
    """The object of this kind and name. There must be exactly one."""
    (found,) = [each for each in rendered if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def environment(workload: Object) -> dict[str, str]:
    """The variables with plain values of the only container of a Deployment or StatefulSet."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def templates(rendered: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod template, with the name of the object that contains it."""
    for each in rendered:
        spec: Any = each.get("spec", {})
        if each["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        template = spec.get("template") if isinstance(spec, dict) else None
        if isinstance(template, dict) and "containers" in template.get("spec", {}):
            yield each["metadata"]["name"], template


def secrets(pod: Object) -> dict[str, tuple[str, str]]:
    """The variables that a pod reads from files of Secrets: (Secret, key) by variable."""
    container = pod["containers"][0]
    folders = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
    files = {
        f"{folders[volume['name']]}/{item['path']}": (source["secret"]["name"], item["key"])
        for volume in pod.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"].get("items", [])
    }
    variables = {each["name"]: each.get("value", "") for each in container.get("env", [])}
    read = {
        name.removesuffix("_FILE"): files.pop(path)
        for name, path in variables.items()
        if name.endswith("_FILE") and path in files
    }
    assert not files, f"no variable names the files {sorted(files)}"
    return read
