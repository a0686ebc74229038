"""Examples in README and CONTRIBUTING run, and the commands, settings and files that pages name exist."""

import re
import shutil
import subprocess
import sys
import types
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import typer.main

from cift import bootstrap
from cift.cli.app import app
from cift.feeds.monotonic import Monotonic
from cift.feeds.outside import command
from cift.feeds.quotes import Quote
from cift.feeds.timeline import tick_of
from cift.kernel.ids import uuid7
from cift.platform.stores import Platform
from tests.stack import Stack
from tests.target import DEADLINE_S, submit

ROOT = Path(__file__).resolve().parent.parent.parent
FEED = 9
"""The feed of these tests."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE
    )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quoted(platform: Platform) -> AsyncIterator[None]:
    """SPY quoted 167.41 to 167.42."""
    engine = platform.engine
    await bootstrap.send_facts(engine)
    house_account = uuid7()
    await submit(
        engine,
        {
            "type": "open_account",
            "account": house_account,
            "kind": "margin",
            "role": "house",
            "currency": "USD",
        },
    )
    await submit(
        engine, {"type": "define_feed", "feed": FEED, "house": house_account, "silence_ns": 3_600 * 10**9}
    )
    numbers = Monotonic(lambda: 0)
    await submit(
        engine, command(tick_of("SPY", Quote(0, 16_741, 5_000, 16_742, 5_000)), FEED, numbers.next())
    )
    yield
    await submit(engine, command(tick_of("SPY", Quote(0, 16_741, 0, 16_742, 0)), FEED, numbers.next()))


@pytest.mark.usefixtures("quoted")
def test_the_curl_examples_of_the_readme_run(exchange: Stack) -> None:
    assert shutil.which("curl") and shutil.which("bash"), "install curl and bash to run README's examples"
    (script,) = blocks("README.md", "bash")
    name = f"ada{uuid7()[-12:]}"
    script = script.replace("http://127.0.0.1:8000", exchange.url).replace("python3", sys.executable)
    script = script.replace("ada@example.org", f"{name}@example.org").replace('"ada"', f'"{name}"')
    assert exchange.url in script and name in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"code"' not in done.stdout, done.stdout
    assert '"status":"filled"' in done.stdout.replace(" ", "")
    assert '"client_order_id":"my-first"' in done.stdout.replace(" ", "")
    assert '"equity"' in done.stdout


@pytest.mark.usefixtures("quoted")
async def test_the_example_function_of_contributing_runs(platform: Platform) -> None:
    (code,) = blocks("CONTRIBUTING.md", "python")
    path = re.match(r"# functions/(\w+)/(\w+)\.py\n", code)
    assert path, "the first line of the example is the path of its file"
    module = types.ModuleType(f"functions.{path[1]}.{path[2]}")
    sys.modules[module.__name__] = module
    try:
        exec(compile(code, path[0], "exec"), module.__dict__)  # noqa: S102
        function = getattr(module, path[2])
        assert function.__cift_function__.trigger == "GET /api/v1/market-data/spread/{symbol}"
        assert (await function("spy", platform.engine)).spread == "0.01"
    finally:
        del sys.modules[module.__name__]


def test_the_commands_in_the_readme_exist() -> None:
    tree = typer.main.get_command(app)
    named = re.findall(
        r"^cift ([a-z-]+)(?: ([a-z-]+))?", (ROOT / "README.md").read_text(), flags=re.MULTILINE
    )
    assert len(named) >= 6
    for first, second in named:
        command = tree.commands[first]  # type: ignore[attr-defined]
        if hasattr(command, "commands"):
            assert second in command.commands, f"cift {first} {second}"


def test_the_settings_in_the_readme_are_read_by_code() -> None:
    page = (ROOT / "README.md").read_text()
    names = set(re.findall(r"`(CIFT_[A-Z_]+)`", page))
    folders = (ROOT / "cift", ROOT / "rust_core" / "crates" / "matchd" / "src")
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".rs")]
    sources = "\n".join(path.read_text() for path in files)
    fields = set(
        re.findall(
            r"^    ([a-z_]+): .*=", (ROOT / "cift/platform/settings.py").read_text(), flags=re.MULTILINE
        )
    )
    unread = {
        name for name in names if name not in sources and name.removeprefix("CIFT_").lower() not in fields
    }
    assert len(names) > 10 and not unread


def test_the_files_that_pages_name_exist() -> None:
    known = {each.name for each in ROOT.iterdir()}
    engine_files = ROOT / "rust_core" / "crates"
    missing = []
    for page in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "data/sample/README.md"):
        for name in re.findall(r"`([\w./-]+)`", (ROOT / page).read_text()):
            top = name.split("/")[0]
            if "/" not in name or "<" in name or "*" in name:
                continue
            if top in known and not (ROOT / name).exists():
                missing.append(f"{page}: {name}")
            if top in ("engine", "matchd") and not (engine_files / name).exists():
                missing.append(f"{page}: {name}")
    assert not missing
