"""Running other programs."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.cluster.local.places import KUBECONFIG

Done = subprocess.CompletedProcess[str]


def report(text: str) -> None:
    print(f"cluster: {text}", flush=True)


def run(*command: str | Path, **options: Any) -> Done:
    """Run a program; raises CalledProcessError if it fails, unless `check=False`."""
    options.setdefault("check", True)
    return subprocess.run([str(part) for part in command], text=True, **options)


def output(*command: str | Path, **options: Any) -> str:
    """A program's standard output, stripped."""
    text: str = run(*command, stdout=subprocess.PIPE, **options).stdout
    return text.strip()


def kubectl(*arguments: str | Path, **options: Any) -> Done:
    return run("kubectl", "--kubeconfig", KUBECONFIG, *arguments, **options)


def get(*arguments: str) -> Any:
    """`kubectl get` as an object."""
    return json.loads(
        kubectl("get", "-o", "json", *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    )


def apply(*objects: dict[str, Any]) -> None:
    apply_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}))


def apply_text(text: str) -> None:
    """Apply manifests, YAML or JSON."""
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "-f", "-"), input=text, stdout=subprocess.DEVNULL
    )
