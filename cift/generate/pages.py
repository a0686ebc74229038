"""Documents for people: the OpenAPI document, and the lists in functions/README.md."""

from collections.abc import Sequence
from typing import Any

import orjson

from cift.function import KINDS, Function
from cift.generate.needs import needs
from cift.host.app import App
from cift.host.provide import PROVIDED
from cift.platform.settings import Settings
from cift.platform.stores import STORES, Platform


class NoMarks(Exception):
    """A page lacks the marks between which a generated table goes; one sentence."""


def openapi(functions: Sequence[Function]) -> str:
    """The content of /openapi.json with all functions."""
    document: dict[str, Any] = App(functions, Platform(Settings())).openapi_document()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def table(functions: Sequence[Function]) -> str:
    """All functions by domain, HTTP first, as Markdown."""
    rows = ["| function | trigger | scope | stores | what |", "|---|---|---|---|---|"]
    for function in sorted(
        functions,
        key=lambda function: (
            function.domain,
            function.kind not in ("http", "ws"),
            function.path,
            function.method,
        ),
    ):
        file = f"{function.name.replace('.', '/')}.py"
        scope = (function.scope or "public") if function.kind in ("http", "ws") else ""
        reached = needs(function)
        stores = " ".join(store for store in STORES if store in reached)
        what = " ".join(function.doc.split("\n\n")[0].split()).replace("|", "\\|")
        rows.append(f"| [{function.name}]({file}) | `{function.trigger}` | {scope} | {stores} | {what} |")
    return "\n".join(rows)


def parameter_types() -> str:
    """The types that a function may name as parameters, as Markdown."""
    rows = ["| type | from | functions | stores | value |", "|---|---|---|---|---|"]
    for type_name, provided in PROVIDED.items():
        module, _, name = type_name.rpartition(".")
        kinds = "all" if provided.kinds == KINDS else " ".join(provided.kinds)
        stores = " ".join(store for store in STORES if store in provided.needs)
        value = provided.doc.replace("|", "\\|")
        rows.append(f"| `{name}` | `{module}` | {kinds} | {stores} | {value} |")
    return "\n".join(rows)


def catalogue(page: str, functions: Sequence[Function]) -> str:
    """functions/README.md with its tables up to date.

    Raises:
        NoMarks: the page has no place for a table.
    """
    page = replace(page, "functions", table(functions))
    return replace(page, "parameter types", parameter_types())


def replace(page: str, name: str, text: str) -> str:
    """The page with `text` between the marks of `name`. Raises NoMarks."""
    begin, end = f"<!-- {name}: written by `make generate` -->", f"<!-- /{name} -->"
    head, found, rest = page.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not (found and found_end):
        raise NoMarks(f"functions/README.md lacks the marks {begin} and {end}")
    return f"{head}{begin}\n{text}\n{end}{tail}"
