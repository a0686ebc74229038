"""The chart as helm renders it. Helm is the one that CIFT_HELM names, that of the test cluster, or on PATH;
where there is none the tests say so, and fail where CIFT_REQUIRE_KUBE is set."""

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
    """Path of helm; skips or fails the test where there is none."""
    named = os.environ.get("CIFT_HELM")
    if named:
        assert Path(named).is_file(), f"CIFT_HELM names {named}, which is no file"
        return named
    built = BIN / "helm"
    found = str(built) if built.is_file() else shutil.which("helm")
    if found is None:
        sentence = (
            "THE CHART IS NOT RENDERED: no helm here. Name one with CIFT_HELM (the test cluster builds it)"
        )
        if os.environ.get("CIFT_REQUIRE_KUBE"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return found


def helm(*arguments: str, input: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run helm, whatever comes of it."""
    return subprocess.run(
        [helm_binary(), *arguments],
        cwd=ROOT,
        input=input,
        capture_output=True,
        text=True,
        timeout=120,
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
    """All objects of the chart, hooks included, with these values upon those files of the chart's folder."""
    text = _rendered(yaml.safe_dump(values), files)
    return [document for document in yaml.load_all(text, Loader=yaml.CSafeLoader) if document]


def named(rendered: Iterable[Object], kind: str, name: str) -> Object:
    """The one object of that kind and name."""
    (found,) = [each for each in rendered if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def environment(workload: Object) -> dict[str, str]:
    """The plain variables of a Deployment's or StatefulSet's only container."""
    (container,) = workload["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"] if "value" in each}


def templates(rendered: Iterable[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod template, whatever kind of object it is of, with that object's name."""
    for each in rendered:
        spec: Any = each.get("spec", {})
        if each["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        template = spec.get("template") if isinstance(spec, dict) else None
        if isinstance(template, dict) and "containers" in template.get("spec", {}):
            yield each["metadata"]["name"], template


def secrets(pod: Object) -> dict[str, tuple[str, str]]:
    """Variables that a pod reads from files of Secrets: by name, (Secret, key)."""
    container = pod["containers"][0]
    folders = {mount["name"]: mount["mountPath"] for mount in container.get("volumeMounts", [])}
    files = {
        f"{folders[volume['name']]}/{item['path']}": (source["secret"]["name"], item["key"])
        for volume in pod.get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
        for item in source["secret"]["items"]
    }
    told = {each["name"]: each.get("value", "") for each in container.get("env", [])}
    read = {
        name.removesuffix("_FILE"): files.pop(path)
        for name, path in told.items()
        if name.endswith("_FILE") and path in files
    }
    assert not files, f"nothing reads {sorted(files)}"
    return read
