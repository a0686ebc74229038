"""What people read of the functions: the OpenAPI document, and the catalogue in functions/README.md."""

from collections.abc import Sequence
from typing import Any

import orjson

from cift.function import Function
from cift.generate.needs import STORES, needs
from cift.host.app import App
from cift.platform.settings import Settings
from cift.platform.stores import Platform

BEGIN = "<!-- functions: written by `make generate` -->"
END = "<!-- /functions -->"


class NoMarks(Exception):
    """The page lacks the marks between which the catalogue goes; one sentence."""


def openapi(functions: Sequence[Function]) -> str:
    """The document that /openapi.json of all functions is."""
    house = App(functions, Platform(Settings()))
    document: dict[str, Any] = house.openapi_document()
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


def catalogue(page: str, functions: Sequence[Function]) -> str:
    """The page with its table as it should be.

    Raises:
        NoMarks: it does not say where.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise NoMarks(f"functions/README.md lacks the marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{table(functions)}\n{END}{tail}"
