"""The tests of the API (tests/api), run through the gateway of the cluster."""

import os
import re
import subprocess
import sys
from collections.abc import Callable

from tests.cluster.release import Release
from tests.stack import ROOT

SUITE_TIMEOUT_S = 1500.0


def test_the_api_tests_pass_through_the_gateway(release: Release, add_figure: Callable[[str], None]) -> None:
    release.wait_ready()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CIFT_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--maxfail=10", "tests/api"],
        cwd=ROOT,
        env={**environment, **release.environment},
        capture_output=True,
        text=True,
        timeout=SUITE_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    summary = done.stdout.strip().splitlines()[-1]
    assert re.match(r"\d+ passed in", summary), f"some tests did not run: {summary}"
    add_figure(f"tests/api through the gateway: {summary}")
