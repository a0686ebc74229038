"""schemathesis on Alpaca's OpenAPI documents: run by tests/alpaca/test_openapi.py.

Sends the examples of the documents and valid requests made from their schemas. Prints JSON per document:
operations, number of requests, failures, and which operations answered a request with success.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import alpaca_mcp_server

SPECS = Path(alpaca_mcp_server.__file__).parent / "specs"
INCLUDED = {
    "trading-api": r"^/v2/(account|assets|calendar|clock|corporate_actions|orders|positions$"
    r"|positions/\{symbol_or_asset_id\}|watchlists)",
    "market-data-api": r"^/v2/stocks/|^/v1beta3/crypto/|/screener/",
}
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance"
EXAMPLES = 5
"""Requests per operation, besides those of the document."""


def check(document: str, folder: Path) -> dict[str, Any]:
    config = folder / "schemathesis.toml"
    lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in PARAMETERS.items()]
    config.write_text("\n".join(["[parameters]", *lines]))
    report = folder / f"{document}.json"
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("st"), "--config-file", config),
            *("run", SPECS / f"{document}.json"),
            *("--url", os.environ["URL"], "--include-path-regex", INCLUDED[document], "--checks", CHECKS),
            *("-H", f"APCA-API-KEY-ID: {os.environ['KEY_ID']}"),
            *("-H", f"APCA-API-SECRET-KEY: {os.environ['SECRET']}"),
            *("--phases", "examples,fuzzing", "--mode", "positive", "--max-examples", str(EXAMPLES)),
            *("--generation-deterministic", "--no-shrink", "--continue-on-failure"),
            *("--report", "json", "--report-json-path", report),
        ],
        cwd=folder,  # it leaves files there
        capture_output=True,
        text=True,
        check=False,
    )
    if not report.exists():
        raise SystemExit(done.stdout + done.stderr)
    found = json.loads(report.read_text())
    return {
        "complete": found["complete"],
        "operations": found["operations"],
        "requests": found["test_cases"]["generated"],
        "failures": found["failures"] and done.stdout[-12_000:],
        "errors": found["errors"],
        "succeeded": sorted(
            name
            for name, phases in found["valid_rates"].items()
            if any(phase["accepted"] for phase in phases.values())
        ),
    }


PARAMETERS: dict[str, str] = json.loads(os.environ["PARAMETERS"])
with tempfile.TemporaryDirectory() as temporary:
    print(json.dumps({document: check(document, Path(temporary)) for document in INCLUDED}))
