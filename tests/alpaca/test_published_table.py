"""docs/alpaca.md names the clients that are tested here, with their versions and the number of tests."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
CLIENTS = {
    "alpaca-py": (
        "requirements/dev.lock",
        ("test_trading_client", "test_data_client", "test_streams", "test_no_order_twice"),
    ),
    "alpaca-trade-api": ("tests/alpaca/clients/trade_api.lock", ("test_trade_api",)),
    "ccxt": ("requirements/dev.lock", ("test_ccxt",)),
    "alpaca-mcp-server": ("tests/alpaca/clients/mcp_server.lock", ("test_mcp_server",)),
    "@alpacahq/alpaca-trade-api": ("tests/alpaca/clients/js/package.json", ("test_js_client",)),
    "schemathesis": ("tests/alpaca/clients/mcp_server.lock", ("test_openapi",)),
}
"""Client → the lock file with its version, and its test modules."""


def count_tests(module: str) -> int:
    tree = ast.parse((HERE / f"{module}.py").read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return sum(function.name.startswith("test_") for function in functions)


def test_the_table_of_clients_is_up_to_date() -> None:
    rows = re.findall(
        r"^\| `(.+?)` \| (.+?) \| (\d+) \|", (ROOT / "docs/alpaca.md").read_text(), re.MULTILINE
    )
    expected = []
    for client, (lock, modules) in CLIENTS.items():
        version = re.search(rf'^{client}==(\S+)|"{client}": "(.+?)"', (ROOT / lock).read_text(), re.MULTILINE)
        assert version is not None, f"{lock} lacks {client}"
        expected.append((client, version[1] or version[2], str(sum(map(count_tests, modules)))))
    assert rows == expected
