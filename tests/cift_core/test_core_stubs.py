"""The stubs of cift_core match the module, and everything public is documented."""

import inspect
import subprocess
import sys
from pathlib import Path

import cift_core
import pytest
from cift_core import Backtest, FastMarketData, FastOrderBook, FastRiskEngine, Feature, Fill, Requests, wire

from tests.target import DEADLINE_S

STUBTEST_TIMEOUT_S = 300


def test_stubtest_finds_no_difference(tmp_path: Path) -> None:
    # In an empty folder: stubtest runs mypy, which would otherwise read the settings of the project.
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "cift_core"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=STUBTEST_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


NO_NUMPY = """
import sys
sys.modules["numpy"] = None
import cift_core
from cift_core import wire
assert wire.decode_commands(wire.encode_commands([{"type": "halt", "symbol": "SPY"}]))[0]["symbol"] == "SPY"
try:
    cift_core.FastOrderBook
except ImportError:
    pass
else:
    raise SystemExit("the classes are available without NumPy")
try:
    cift_core.FastOrderbook
except AttributeError as error:
    assert "FastOrderbook" in str(error)
"""


def test_the_codec_needs_no_numpy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_NUMPY], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_contains_its_types() -> None:
    package = Path(str(cift_core.__file__)).parent
    assert (package / "py.typed").exists() and (package / "_cift_core.pyi").exists()


@pytest.mark.parametrize(
    "kind", [FastOrderBook, FastMarketData, FastRiskEngine, Feature, Backtest, Requests, Fill]
)
def test_every_public_member_has_a_docstring(kind: type) -> None:
    assert inspect.getdoc(kind)
    bare = [
        name
        for name, member in vars(kind).items()
        if not name.startswith("_") and not isinstance(member, tuple) and not getattr(member, "__doc__", None)
    ]
    # symbol, tick and lot return the arguments of the constructor.
    assert set(bare) <= {"symbol", "tick", "lot"}


def test_every_function_of_the_codec_has_a_docstring() -> None:
    assert wire.__doc__ and all(getattr(wire, name).__doc__ for name in wire.__all__)


def test_classes_have_their_module_and_repr() -> None:
    for kind in (FastOrderBook, FastMarketData, FastRiskEngine, Feature):
        assert kind.__module__ == "cift_core"
    assert repr(FastOrderBook("SPY")) == 'FastOrderBook("SPY", - / -, 0 orders)'
    assert repr(FastMarketData(5)) == "FastMarketData(window=5, trades=0)"
    assert repr(Feature("sma", 3)) == 'Feature("sma")'
    assert repr(FastRiskEngine()) == "FastRiskEngine(0 accounts, 0 symbols)"
