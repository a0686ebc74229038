"""Which process of one machine serves an event function, and what relay is configured to deliver.

In a cluster each function has a pod, and the chart writes relay's configuration. With `make run` two
processes serve the event functions on Unix sockets: the functions' process those that use an embedded
ClickHouse, because only one process can open it and history is read there; a process of its own all others,
so that a busy projector delays no request.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cift.function import Function
from cift.host.provide import parameters
from cift.platform.settings import Settings

EMBEDDED = "chdb://"
_ARCHIVES = frozenset({"clickhouse", "questdb"})


def _stores(function: Function) -> frozenset[str]:
    needs = (each.provided.needs for each in parameters(function) if each.provided is not None)
    return frozenset().union(*needs)


def is_pushed(function: Function) -> bool:
    """Whether relay calls it."""
    return function.kind in ("on", "every")


def is_off(function: Function, settings: Settings) -> bool:
    """Whether it only archives to stores that this exchange does not have."""
    archives = _stores(function) & _ARCHIVES
    has = {"clickhouse": settings.clickhouse_url != "none", "questdb": settings.questdb_url != "none"}
    return bool(archives) and not any(has[name] for name in archives)


def uses_embedded(function: Function, settings: Settings) -> bool:
    """Whether it must run in the process that opens the embedded ClickHouse."""
    return settings.clickhouse_url.startswith(EMBEDDED) and "clickhouse" in _stores(function)


def handler(function: Function, url: str, journal_stream: str = "ORDERS") -> dict[str, Any]:
    """relay's configuration of a function, as charts/cift/templates/relay.yaml writes it."""
    found: dict[str, Any] = {"function": function.name, "url": url, "timeout_seconds": function.timeout_s}
    if function.kind == "every":
        return found | {"kind": "every", "every_seconds": function.seconds}
    is_journal = function.stream == "ORDERS"
    found |= {
        "kind": "journal" if is_journal else "stream",
        "stream": journal_stream if is_journal else function.stream,
        "batch": function.batch,
        "effects": function.effects,
        "keeps_offset": function.keeps_offset,
        "linger_seconds": function.linger_s,
    }
    return found | ({"subject": function.subject} if function.subject else {})


def configuration(
    functions: Iterable[Function], settings: Settings, *, embedded: Path, others: Path
) -> dict[str, Any]:
    """The file of relay for one machine.

    Args:
        embedded: the socket of the process that opens an embedded ClickHouse.
        others: the socket of the process for all other event functions.
    """
    handlers = []
    for function in functions:
        if is_pushed(function) and not is_off(function, settings):
            socket = embedded if uses_embedded(function, settings) else others
            one = handler(function, f"http://localhost/{function.name}", settings.journal_stream)
            handlers.append({**one, "socket": str(socket)})
    return {"handlers": handlers}
