"""k8s/skaffold.gen.yaml: every image, and the release that runs exactly these images.
skaffold.yaml, written by hand, requires this file and holds the rest.

An image for each function, of one Dockerfile, upon a base image for each set of extras: a change below
`cift/` rebuilds the base and with it all; a change of one function only its own thin layer. The release names
each image as it was built (`images.exact`), so a rebuilt one, and no other, gets a new revision.
"""

from collections.abc import Iterable
from typing import Any

from cift.function import Function
from cift.generate.chart import kebab

API_VERSION = "skaffold/v4beta14"
REGISTRY = "dev.local/cift"
"""Knative does not ask a registry about images of dev.local, so what is loaded into the nodes is enough."""
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
    "relay": ("rust_core/Dockerfile", {"PROGRAM": "relay"}),
    "servers": ("k8s/servers/Dockerfile", {}),
}
"""Images that are no function's: Dockerfile and its arguments."""
UPON_BASE = {"operator": "HOUSE"}
"""Those that stand on the functions' base: the argument that names it."""


def base_image(extras: Iterable[str]) -> str:
    """Name of the image that a function with these extras is built upon."""
    return "-".join(("base", *sorted(extras)))


def _artifact(
    name: str,
    dockerfile: str,
    arguments: dict[str, str],
    target: str = "",
    needs: dict[str, str] | None = None,
) -> dict[str, Any]:
    """`needs`: image → the argument that names it."""
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
    """The template that skaffold fills with an image's reference as it was built."""
    suffix = f"{REGISTRY}/{name}".replace(".", "_").replace("/", "_").replace("-", "_")
    return f"{{{{.IMAGE_FULLY_QUALIFIED_{suffix}}}}}"


def artifacts(functions: Iterable[Function]) -> dict[str, Any]:
    """The whole file."""
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
            # The same files are the same tag: what did not change is neither built nor rolled out.
            "tagPolicy": {"inputDigest": {}},
            # BuildKit, because the Dockerfiles mount the wheels instead of copying them.
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
