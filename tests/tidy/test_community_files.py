"""The files that contributors look for call programs that exist."""

import re
import subprocess

import pytest
import yaml

from tests.stack import ROOT

TARGETS = (
    *("setup", "up", "down", "logs", "run", "test", "lint", "format", "check", "bench"),
    *("db-shell", "nats-shell", "valkey-shell", "clickhouse-shell", "questdb-shell"),
)


def test_the_workflow_runs_our_own_ci() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert any(".ci/run" in step.get("run", "") for step in job["steps"])
    assert (ROOT / ".ci/run").exists()


def test_hooks_are_local_and_run_the_locked_tools() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    for hook in config["repos"][0]["hooks"]:
        assert hook["language"] == "system", hook["id"]
        assert hook["entry"].split()[0] in (".venv/bin/ruff", "cargo", "make"), hook["id"]


@pytest.mark.parametrize("target", TARGETS)
def test_make_has_the_usual_targets(target: str) -> None:
    assert re.search(rf"^{target}:.* ## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    done = subprocess.run(
        ["make", "--dry-run", "--silent", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
