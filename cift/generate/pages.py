"""What people read of the functions: the OpenAPI document, and the catalogue in functions/README.md."""

from collections.abc import Sequence
from typing import Any

import orjson

from cift.function import Door
from cift.generate.needs import STORES, needs
from cift.host.app import House
from cift.platform.settings import Settings
from cift.platform.stores import Platform

BEGIN = "<!-- doors: written by `make generate` -->"
END = "<!-- /doors -->"


class NoMarks(Exception):
    """The page lacks the marks between which the catalogue goes; one sentence."""


def openapi(doors: Sequence[Door]) -> str:
    """The document that /openapi.json of all functions is."""
    house = House(doors, Platform(Settings()))
    document: dict[str, Any] = house.openapi_document()
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def table(doors: Sequence[Door]) -> str:
    """All doors by domain, HTTP first, as Markdown."""
    rows = ["| door | trigger | scope | stores | what |", "|---|---|---|---|---|"]
    for door in sorted(
        doors, key=lambda door: (door.domain, door.kind not in ("http", "ws"), door.path, door.method)
    ):
        file = f"{door.name.replace('.', '/')}.py"
        scope = (door.scope or "public") if door.kind in ("http", "ws") else ""
        reached = needs(door)
        stores = " ".join(store for store in STORES if store in reached)
        what = " ".join(door.doc.split("\n\n")[0].split()).replace("|", "\\|")
        rows.append(f"| [{door.name}]({file}) | `{door.trigger}` | {scope} | {stores} | {what} |")
    return "\n".join(rows)


def catalogue(page: str, doors: Sequence[Door]) -> str:
    """The page with its table as it should be.

    Raises:
        NoMarks: it does not say where.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise NoMarks(f"functions/README.md lacks the marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{table(doors)}\n{END}{tail}"
