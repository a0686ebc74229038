"""A recording that cannot be replayed ends the start with the reason, before any server starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT

BAD = {
    "columns": ("abc.csv", "when,price\n1,2\n", "no column at"),
    "value": ("abc.csv", "at,price,size\n1715004000,1,1\nsoon,1,1\n", "row 3"),
    "nothing": ("abc.txt.bak", "x", "contains no CSV"),
}


@pytest.mark.parametrize("kind", BAD)
def test_the_start_ends_with_the_reason(kind: str, tmp_path: Path) -> None:
    name, text, reason = BAD[kind]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_text(text)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_") or k == "CIFT_MATCHD"}
    environment |= {
        "CIFT_DATA": str(tmp_path / "data"),
        "CIFT_SAMPLE": str(tmp_path / "in"),
        "CIFT_HTTP_PORT": "0",
    }
    done = subprocess.run(
        [sys.executable, "-m", "cift.run"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert f"CIFT Markets cannot start: {tmp_path}" in done.stderr and reason in done.stderr
    assert "Traceback" not in done.stderr and "PostgreSQL" not in done.stdout
