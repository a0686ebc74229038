"""Volumes for the test cluster: StorageClass `standard` as on kind.

A volume is bound when a pod is placed. It is a folder on that node, writable by any user, and is removed
with the claim.

    python -m tests.cluster.local.volumes SERVER KEYS FOLDER
"""

import json
import shutil
import sys
import threading
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cluster.local.api import Api, Mirror, Object

PROVISIONER = "cift.local/path"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
VOLUMES = "/api/v1/persistentvolumes"
ROUND_S = 5.0
HARMLESS = (404, 409)
"""Deleted meanwhile; exists already."""


def provision(api: Api, claim: Object, folder: Path) -> None:
    """Make the folder and the PersistentVolume of a claim."""
    meta, spec = claim["metadata"], claim["spec"]
    node, name = meta["annotations"][SELECTED_NODE], f"pvc-{meta['uid']}"
    path = folder / name
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    reference |= {field: meta[field] for field in ("uid", "namespace", "name")}
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": "standard",
            "hostPath": {"path": str(path), "type": "DirectoryOrCreate"},
            "claimRef": reference,
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
        },
    }
    api.call("POST", VOLUMES, volume)
    print(f"{name} for {meta['namespace']}/{meta['name']} on {node}", flush=True)


def needs_volume(claim: Object) -> bool:
    return (
        claim["status"].get("phase") == "Pending"
        and claim["spec"].get("storageClassName") == "standard"
        and SELECTED_NODE in claim["metadata"].get("annotations", {})
    )


def is_released(volume: Object) -> bool:
    """Whether the volume is ours and its claim is deleted."""
    meta = volume["metadata"]
    return (
        volume["status"].get("phase") == "Released"
        and "deletionTimestamp" not in meta
        and meta.get("annotations", {}).get(PROVISIONED_BY) == PROVISIONER
    )


def attempt(action: Callable[..., Any], *arguments: Any) -> None:
    """Run an action; print a failure. The next event tries again."""
    try:
        action(*arguments)
    except urllib.error.HTTPError as refused:
        if refused.code not in HARMLESS:
            print(json.loads(refused.read() or b"{}").get("message", refused), flush=True)
    except OSError as problem:
        print(problem, flush=True)


def main() -> None:
    server, keys, folder = sys.argv[1:4]
    api = Api(server, Path(keys))
    changed = threading.Event()
    claims = Mirror(api, "/api/v1/persistentvolumeclaims", changed)
    volumes = Mirror(api, VOLUMES, changed)
    while True:
        changed.wait(timeout=ROUND_S)
        changed.clear()
        for claim in list(claims.objects.values()):
            if needs_volume(claim) and ("", f"pvc-{claim['metadata']['uid']}") not in volumes.objects:
                attempt(provision, api, claim, Path(folder))
        for volume in list(volumes.objects.values()):
            if is_released(volume):
                shutil.rmtree(volume["spec"]["hostPath"]["path"], ignore_errors=True)
                attempt(api.call, "DELETE", f"{VOLUMES}/{volume['metadata']['name']}")


if __name__ == "__main__":
    main()
