"""Fixtures of the fault tests: their exchange, the figures they print, and the number of rounds."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.stack import Stack

ROUNDS = int(os.environ.get("CIFT_FAULT_ROUNDS", "3"))
"""Kills in each test; hundreds make a soak test."""
SEED = os.environ.get("CIFT_FAULT_SEED", "1")
_figures: list[str] = []


@pytest.fixture(scope="package")
def fault_exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The exchange of the fault tests, without a market."""
    with Stack.start(tmp_path_factory.mktemp("faults") / "data") as stack:
        yield stack


@pytest.fixture
def add_figures() -> Callable[[str], None]:
    """A function that adds a line to the figures printed at the end of the run."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section(f"faults (seed {SEED}, {ROUNDS} rounds a test; measured, not asserted)")
        for line in _figures:
            terminalreporter.line(line)
