"""One exchange for the fault tests, the figures they print, and how long they go on."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.stack import Stack

ROUNDS = int(os.environ.get("CIFT_FAULT_ROUNDS", "3"))
"""Rounds of killing in each test; hundreds make a soak."""
SEED = os.environ.get("CIFT_FAULT_SEED", "1")
_figures: list[str] = []


@pytest.fixture(scope="package")
def tormented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange of these tests' own, without a market."""
    with Stack.start(tmp_path_factory.mktemp("tormented") / "data") as stack:
        yield stack


@pytest.fixture
def tell() -> Callable[[str], None]:
    """Adds a line to the figures shown at the end of the run."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section(f"faults (seed {SEED}, {ROUNDS} rounds a test; measured, not asserted)")
        for line in _figures:
            terminalreporter.line(line)
