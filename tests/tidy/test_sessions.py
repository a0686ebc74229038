"""Functions share server connections through a pooler, so no SQL may depend on the database session."""

import re
from pathlib import Path

from tests.stack import ROOT

FOLDERS = ("cift", "functions", "operators")
DIRECT = {
    "cift/platform/migrate.py": "connects to the server itself",
    "cift/rebuild.py": "connects to the server itself",
    "cift/backup": "connects to the server itself",
    "cift/run": "one machine has no pooler",
    "k8s/servers": "the server",
}
"""Code that does not use the pooler, with the reason."""
SESSION = re.compile(
    r"\b(?:pg_(?:try_)?advisory_lock\w*|LISTEN\s+\w+\s*[\";]|UNLISTEN|CREATE\s+(?:TEMP|TEMPORARY)\s"
    r"|PREPARE\s+\w+\s*(?:\(|AS\b)|DECLARE\s+\w+.*\bWITH\s+HOLD|SET\s+SESSION\b"
    r"|set_config\([^)]*false\s*\)|add_listener)"
    r"|[\"';]\s*SET\s+(?!LOCAL\b)\w+\s*(?:=|\bTO\b)"
)


def matches(text: str) -> list[str]:
    return [found[0] for found in SESSION.finditer(text)]


def test_no_statement_depends_on_the_session() -> None:
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if not any(Path(name).is_relative_to(each) for each in DIRECT) and (
                hits := matches(path.read_text())
            ):
                found[name] = hits
    assert not found, f"these statements need a session of their own, which a pooler does not give: {found}"


def test_the_check_finds_statements_of_each_kind() -> None:
    for text in (
        "SELECT pg_advisory_lock(1)", 'await c.execute("LISTEN orders")', "CREATE TEMP TABLE x (a int)",
        "SET SESSION x = 1", 'execute("SET search_path TO x")', "SELECT set_config('a', 'b', false)",
        "await c.add_listener('x', f)", "PREPARE p AS SELECT 1",
    ):  # fmt: skip
        assert matches(text), text
    for text in ("pg_advisory_xact_lock(1)", "SET LOCAL ROLE x", "UPDATE t SET a = 'x'", "listen(port)"):
        assert not matches(text), text
