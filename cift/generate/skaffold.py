"""skaffold.gen.yaml: an image for each function, of one Dockerfile, upon a base image for each set of extras.

A change below `cift/` rebuilds the base and with it all; a change of one door only its own thin layer.
"""

from collections.abc import Iterable
from typing import Any

from cift.function import Door
from cift.generate.chart import kebab

API_VERSION = "skaffold/v4beta14"
REGISTRY = "dev.local/cift"
DOCKERFILE = "functions/Dockerfile"


def base_image(extras: Iterable[str]) -> str:
    """Name of the image that a function with these extras is built upon."""
    return "-".join(("base", *sorted(extras)))


def artifacts(doors: Iterable[Door]) -> dict[str, Any]:
    """The whole file."""
    doors = sorted(doors, key=kebab)
    bases = sorted({tuple(sorted(door.extras)) for door in doors})
    found: list[dict[str, Any]] = [
        {
            "image": f"{REGISTRY}/{base_image(extras)}",
            "context": ".",
            "docker": {
                "dockerfile": DOCKERFILE,
                "target": "base",
                "buildArgs": {"EXTRAS": " ".join(extras)},
            },
        }
        for extras in bases
    ]
    found += [
        {
            "image": f"{REGISTRY}/{kebab(door)}",
            "context": ".",
            "requires": [{"image": f"{REGISTRY}/{base_image(door.extras)}", "alias": "BASE"}],
            "docker": {
                "dockerfile": DOCKERFILE,
                "target": "function",
                "buildArgs": {"FUNCTION": door.name, "FILE": f"functions/{door.name.replace('.', '/')}.py"},
            },
        }
        for door in doors
    ]
    return {
        "apiVersion": API_VERSION,
        "kind": "Config",
        "metadata": {"name": "functions"},
        "build": {"artifacts": found},
    }
