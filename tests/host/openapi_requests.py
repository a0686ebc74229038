"""schemathesis on our own OpenAPI document: run by tests/host/test_openapi.py.

Sends valid and invalid requests to every operation, alone and in sequences that follow the links between
operations. Two processes share the operations, because schemathesis spends most of the time itself. Prints
JSON per run: the numbers of operations and requests, and the failures.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HOOKS = Path(__file__).with_name("openapi_hooks.py")
ENDLESS = "/market-data/stream$|^/v2/events/"
"""Responses that do not end: tests/streams reads them."""
PARTS = {
    "alpaca": ("--include-path-regex", "^/v[12]", "--exclude-path-regex", ENDLESS),
    "cift": ("--exclude-path-regex", f"^/v[12]|{ENDLESS}"),
}
ACCEPTED = '"2xx", 401, 403, 404, 409, 422, 503'
"""Responses to requests that have the documented form: done, refused with a reason, or unavailable: this
exchange has no store for analytics, and on a busy machine the read model is behind."""
CONFIG = f"""
[parameters]
"path.symbol" = {{symbol}}
"path.symbol_or_asset_id" = {{symbol}}
"path.loc" = "us"
"query.symbols" = {{symbol}}
"query.symbol" = {{symbol}}
[checks]
not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
positive_data_acceptance.expected-statuses = [{ACCEPTED}]
# What administrators change must not be what traders need.
[[operations]]
include-path-regex = "/admin/"
parameters = {{{{ "path.symbol" = {{other}}, "path.account_id" = {{account}}, "path.user" = {{user}} }}}}
# Alpaca reports a value that is not allowed with 400.
[[operations]]
include-path-regex = "^/v[12]"
checks.positive_data_acceptance.expected-statuses = [400, {ACCEPTED}]
"""


def start(part: str, folder: Path) -> "subprocess.Popen[str]":
    config = folder / f"{part}.toml"
    names = ("symbol", "other", "account", "user")
    config.write_text(CONFIG.format(**{name: json.dumps(os.environ[name.upper()]) for name in names}))
    return subprocess.Popen(
        [
            *(Path(sys.executable).with_name("st"), "--no-color", "--config-file", config),
            *("run", f"{os.environ['URL']}/openapi.json", "--url", os.environ["URL"], *PARTS[part]),
            *("--phases", os.environ["PHASES"], "--max-examples", os.environ["EXAMPLES"]),
            *("--generation-deterministic", "--continue-on-failure", "--no-shrink"),
            *("--suppress-health-check", "all", "--request-timeout", "60"),
            *("--report", "json", "--report-json-path", folder / f"{part}.json"),
        ],
        cwd=folder,  # it leaves files there
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
        stdout=(folder / f"{part}.out").open("w"),
        stderr=subprocess.STDOUT,
        text=True,
    )


def result(part: str, folder: Path) -> dict[str, Any]:
    report, output = folder / f"{part}.json", (folder / f"{part}.out").read_text()
    if not report.exists():
        raise SystemExit(output[-12_000:])
    found = json.loads(report.read_text())
    return {
        "complete": found["complete"],
        "operations": found["operations"],
        "requests": found["test_cases"]["generated"],
        "failures": (found["failures"] or found["errors"]) and output[-30_000:],
        "succeeded": sum(
            any(phase["accepted"] for phase in phases.values()) for phases in found["valid_rates"].values()
        ),
    }


with tempfile.TemporaryDirectory() as temporary:
    running = {part: start(part, Path(temporary)) for part in PARTS}
    for process in running.values():
        process.wait()
    print(json.dumps({part: result(part, Path(temporary)) for part in PARTS}))
