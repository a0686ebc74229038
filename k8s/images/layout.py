"""An OCI image layout on disk: adds a small layer to an image, and packs many images into one archive.

buildah needs one or two seconds to commit an image. Each function is an image of its own that adds a few
kilobytes to the same base, so its last layer is written here, with the content that the last stage of
functions/Dockerfile has.
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class Layout:
    """A folder with the layout that `buildah push … oci:` writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, str] = {}
        """The digest of each image's manifest, by the image's full name."""

    def path(self, digest: str) -> Path:
        return self.folder / "blobs/sha256" / digest.removeprefix("sha256:")

    def read(self, digest: str) -> Any:
        return json.loads(self.path(digest).read_bytes())

    def put(self, content: bytes) -> dict[str, Any]:
        """Store a blob. Returns its digest and size."""
        name = hashlib.sha256(content).hexdigest()
        path = self.folder / "blobs/sha256" / name
        if not path.exists():
            path.write_bytes(content)
        return {"digest": f"sha256:{name}", "size": len(content)}

    def put_json(self, document: Any) -> dict[str, Any]:
        return self.put(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())

    def pushed(self, reference: str) -> str:
        """The digest of the image that buildah pushed as `reference`. Raises KeyError."""
        index = json.loads((self.folder / "index.json").read_text())
        for manifest in index["manifests"]:
            if manifest.get("annotations", {}).get("org.opencontainers.image.ref.name") == reference:
                return str(manifest["digest"])
        raise KeyError(reference)

    def extend(self, base: str, files: dict[str, bytes], environment: dict[str, str]) -> str:
        """Add an image: `base` with one more layer of `files` (content by path) and environment variables.

        Returns the digest of its manifest."""
        layer = tar_of(files)
        manifest = self.read(base)
        config = self.read(manifest["config"]["digest"])
        blob = self.put(layer)
        config["rootfs"]["diff_ids"].append(blob["digest"])
        config.setdefault("history", []).append({"created_by": "COPY --from=function /app/functions"})
        kept = [e for e in config["config"].get("Env", []) if e.partition("=")[0] not in environment]
        config["config"]["Env"] = kept + [f"{name}={value}" for name, value in environment.items()]
        manifest["layers"].append({"mediaType": LAYER, **blob})
        manifest["config"] = {**manifest["config"], **self.put_json(config)}
        return str(self.put_json(manifest)["digest"])

    def layer_bytes(self, digest: str) -> list[int]:
        """Sizes of an image's layers in bytes, lowest layer first."""
        return [layer["size"] for layer in self.read(digest)["layers"]]

    def blobs_of(self, digest: str) -> list[str]:
        manifest = self.read(digest)
        return [digest, manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])]

    def pack(self, archive: Path) -> None:
        """Write the named images as one oci-archive. It contains a shared blob once."""
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": self.path(digest).stat().st_size,
                    "annotations": {
                        "io.containerd.image.name": name,
                        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
                    },
                }
                for name, digest in sorted(self.names.items())
            ],
        }
        partial = archive.with_suffix(".partial")
        with tarfile.open(partial, "w") as tar:
            for name, content in (
                ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'),
                ("index.json", json.dumps(index).encode()),
            ):
                tar.addfile(_member(name, len(content)), io.BytesIO(content))
            for digest in sorted({blob for image in self.names.values() for blob in self.blobs_of(image)}):
                path = self.path(digest)
                with path.open("rb") as file:
                    tar.addfile(_member(f"blobs/sha256/{path.name}", path.stat().st_size), file)
        partial.rename(archive)


def _member(name: str, size: int, mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, mode
    return info


def tar_of(files: dict[str, bytes]) -> bytes:
    """A layer of files. Owner is root and times are zero, so the same files always give the same layer."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folders: set[str] = set()
        for name, content in sorted(files.items()):
            parts = name.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                folder = "/".join(parts[:depth])
                if folder not in folders:
                    folders.add(folder)
                    info = _member(folder, 0, 0o755)
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
            tar.addfile(_member(name, len(content)), io.BytesIO(content))
    return buffer.getvalue()
