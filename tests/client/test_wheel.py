"""The wheel of the client: built from the repository, it works without it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "clients" / "python"
WITHOUT_EXCHANGE = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in "cift functions operators cift_core orjson polars pandas numpy".split():
            raise ImportError(name + " is not a dependency of the client")
sys.meta_path.insert(0, Finder())
import cift_client
assert cift_client.__file__.startswith(sys.argv[1]), cift_client.__file__
from cift_client import AsyncClient, Client
with Client("http://127.0.0.1:9") as client:
    print(type(client.trading).__name__, len(vars(client)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    subprocess.run(["git", "checkout-index", "--prefix", f"{source}/", "-a"], cwd=ROOT, check=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    built = [*build, "--wheel-dir", str(folder), str(source / "clients" / "python")]
    done = subprocess.run(built, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_has_the_client_and_nothing_else(wheel: Path) -> None:
    assert wheel.name.startswith("cift_client-") and wheel.name.endswith("-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"cift_client"}
    assert {f"cift_client/{path.name}" for path in (SOURCE / "cift_client").glob("*.py")} <= set(names)
    assert "cift_client/py.typed" in names


def test_the_installed_wheel_imports_without_the_exchange(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    script = f"import sys\nsys.path.insert(0, sys.argv[1])\n{WITHOUT_EXCHANGE}"
    done = subprocess.run(
        [sys.executable, "-c", script, str(target)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Trading ")
