"""k8s/skaffold.gen.yaml: every image, and the release that runs exactly these images.
skaffold.yaml, written by hand, requires this file and holds the rest.

There is one image per function, from one Dockerfile, on a base image per set of extras. A change below
`cift/` rebuilds the base and all functions; a change of one function rebuilds its own thin layer only. The
release names each image as it was built (`images.exact`), so only a rebuilt image gets a new revision.
"""

from collections.abc import Iterable
from typing import Any

from cift.function import Function
from cift.generate.chart import kebab

API_VERSION = "skaffold/v4beta14"
REGISTRY = "dev.local/cift"
"""Knative does not look up images of dev.local in a registry, so it uses those loaded into the nodes."""
DOCKERFILE = "functions/Dockerfile"
CONFIG = RELEASE = "cift"
NAMESPACE = "cift"
ROOT = ".."
"""The repository's root, seen from the file's folder: skaffold resolves a required file's paths there."""
CHART = f"{ROOT}/charts/cift"
VALUES_FILES = [f"{CHART}/values-dev.yaml"]
VALUES = {"market.source": "replay"}
PROGRAMS = {
    "analytics": ("k8s/servers/Dockerfile", {"WHEELS": "analytics"}),
    "gateway": ("k8s/gateway/Dockerfile", {}),
    "matchd": ("rust_core/Dockerfile", {"PROGRAM": "matchd"}),
    "operator": ("operators/Dockerfile", {}),
    "pooler": ("k8s/pooler/Dockerfile", {}),
    "relay": ("rust_core/Dockerfile", {"PROGRAM": "relay"}),
    "servers": ("k8s/servers/Dockerfile", {}),
}
"""Images that are not functions: Dockerfile and its arguments."""
UPON_BASE = {"operator": "BASE"}
"""Programs whose image is built on the functions' base: the build argument that names the base."""


def base_image(extras: Iterable[str]) -> str:
    """The name of the base image for functions with these extras."""
    return "-".join(("base", *sorted(extras)))


def _artifact(
    name: str,
    dockerfile: str,
    arguments: dict[str, str],
    target: str = "",
    needs: dict[str, str] | None = None,
) -> dict[str, Any]:
    """`needs`: base image → the build argument that names it."""
    found: dict[str, Any] = {"image": f"{REGISTRY}/{name}", "context": ROOT}
    if needs:
        found["requires"] = [
            {"image": f"{REGISTRY}/{needed}", "alias": alias} for needed, alias in needs.items()
        ]
    docker: dict[str, Any] = {"dockerfile": dockerfile}
    if target:
        docker["target"] = target
    if arguments:
        docker["buildArgs"] = arguments
    return {**found, "docker": docker}


def exact(name: str) -> str:
    """The template that skaffold replaces by the reference of the built image."""
    suffix = f"{REGISTRY}/{name}".replace(".", "_").replace("/", "_").replace("-", "_")
    return f"{{{{.IMAGE_FULLY_QUALIFIED_{suffix}}}}}"


def artifacts(functions: Iterable[Function]) -> dict[str, Any]:
    """The content of the file."""
    functions = sorted(functions, key=kebab)
    bases = sorted({tuple(sorted(function.extras)) for function in functions})
    found = [
        _artifact(base_image(extras), DOCKERFILE, {"EXTRAS": " ".join(extras)}, "base") for extras in bases
    ]
    found += [
        _artifact(
            name,
            dockerfile,
            arguments,
            needs={base_image(()): UPON_BASE[name]} if name in UPON_BASE else None,
        )
        for name, (dockerfile, arguments) in PROGRAMS.items()
    ]
    found += [
        _artifact(
            kebab(function),
            DOCKERFILE,
            {"FUNCTION": function.name, "FILE": f"functions/{function.name.replace('.', '/')}.py"},
            "function",
            {base_image(function.extras): "BASE"},
        )
        for function in functions
    ]
    ran = [base_image(()), *PROGRAMS, *(kebab(function) for function in functions)]
    return {
        "apiVersion": API_VERSION,
        "kind": "Config",
        "metadata": {"name": CONFIG},
        "build": {
            # The tag is a digest of the inputs: an unchanged image is neither built nor rolled out.
            "tagPolicy": {"inputDigest": {}},
            # The Dockerfiles mount the wheels instead of copying them, which needs BuildKit.
            "local": {"push": False, "useDockerCLI": True, "useBuildkit": True},
            "artifacts": found,
        },
        "deploy": {
            "helm": {
                "releases": [
                    {
                        "name": RELEASE,
                        "namespace": NAMESPACE,
                        "createNamespace": True,
                        "chartPath": CHART,
                        "valuesFiles": VALUES_FILES,
                        "setValues": VALUES,
                        "setValueTemplates": {f"images.exact.{name}": exact(name) for name in ran},
                    }
                ]
            }
        },
    }
