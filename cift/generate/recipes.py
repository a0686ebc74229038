"""docs/recipes.md: the files of examples/recipes with their first lines as text."""

import ast
from pathlib import Path

FOLDER = "examples/recipes"
PAGE = "docs/recipes.md"
ORDER = (
    "first_order",
    "bracket",
    "never_twice",
    "market_maker",
    "kill_switch",
    "watch_book",
    "stream_to_parquet",
    "reconnect",
    "equity_curve",
    "backtest",
)
_HEAD = """\
# Recipes
Whole programs for [the Python client](../clients/python/README.md). `tests/client/test_recipes.py` runs each
against a running exchange. `make generate` writes this page from the files of
[examples/recipes](../examples/recipes).

```
export CIFT_URL=http://127.0.0.1:8000 CIFT_API_KEY=cift_…      # the key that make run printed
python examples/recipes/first_order.py SPY
```
"""


def page(root: Path) -> str:
    """The page. Each file is a section: its docstring, then its code."""
    return _HEAD + "".join(_section(root / FOLDER / f"{name}.py") for name in ORDER)


def _section(file: Path) -> str:
    source = file.read_text()
    doc = ast.get_docstring(ast.parse(source))
    assert doc is not None, f"{file.name} has no docstring"
    title, _, text = doc.partition("\n\n")
    code = source.split('"""', 2)[2].strip()
    link = f"[{file.name}](../{FOLDER}/{file.name})"
    return f"\n## {title.rstrip('.')}\n{text}\n\n{link}\n```python\n{code}\n```\n"
