"""Wrong usage is one line on stderr, and exit code 2."""

import subprocess
import sys

import pytest


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cift.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("orders place SPY", "Missing argument 'side'. Choose from: buy, sell"),
        ("orders place SPY hold 1", "'hold'"),
        ("bars", "Missing argument 'symbol'"),
        ("nosuch", "No such command 'nosuch'"),
        ("orders list --limit x", "'--limit'"),
        ("bars SPY --nosuch", "--nosuch"),
        ("data query spread", "a symbol is missing"),
    ],
)
def test_wrong_usage_is_one_line(arguments: str, words: str) -> None:
    done = run(*arguments.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("cift: usage") and words in done.stderr


def test_help_and_version_still_work() -> None:
    assert run("--version").returncode == 0 and run("--version").stdout.startswith("cift ")
    assert run("orders", "--help").returncode == 0
    shown = run("orders")
    assert "Usage:" in shown.stdout + shown.stderr and "Place, list, change" in shown.stdout + shown.stderr
