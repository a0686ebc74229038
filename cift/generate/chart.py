"""charts/cift/functions.gen.yaml: one item per function, by its name in the cluster. The chart merges
`functions.<name>` of its values over it.

The database connections have a budget: Σ max-scale × pool must not exceed PostgreSQL's `max_connections`.
"""

import math
from collections.abc import Iterable
from typing import Any

from cift.function import Function
from cift.generate.needs import needs
from cift.host.openapi import PAGES
from cift.platform.stores import STORES

RESERVED_CONNECTIONS = 20
"""For migrations, the operator, backups and PostgreSQL's own superuser slots."""
POOL_HTTP = 2
"""Connections per copy. A request that finds none free waits; a transaction takes about 1 ms."""
POOL_ONE_AT_A_TIME = 1
WORST_NAMED = 5

# Requests are the measured use of one copy (`python -m bench cold`); limits are well above it.
_RESOURCES = {
    "http": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
    "ws": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "768Mi"}},
    "on": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    "every": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
    "daemon": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "768Mi"}},
}


GATEWAY_PAGES = {**PAGES, "/openapi.json": "application/json"}
"""The pages that the gateway serves from its image: path and media type."""


def page_file(path: str) -> str:
    """The file name of such a page: `/docs/swagger-ui.css` → `docs.swagger-ui.css`."""
    return path.removeprefix("/").replace("/", ".")


class OverBudget(Exception):
    """The functions together can open more connections than PostgreSQL accepts; the text names the sum and
    the functions with the most."""


def kebab(function: Function) -> str:
    """`trading.place_order` → `trading-place-order`: service, image, account and policy in the cluster."""
    return function.name.replace(".", "-").replace("_", "-")


def pool(function: Function) -> int:
    """Connections that each copy of the function may open; 0 if it does not use PostgreSQL."""
    if "postgres" not in needs(function):
        return 0
    return POOL_HTTP if function.kind == "http" else POOL_ONE_AT_A_TIME


def item(function: Function) -> dict[str, Any]:
    """The chart's values for a function."""
    reached = needs(function)
    found: dict[str, Any] = {"function": function.name, "kind": function.kind, "image": kebab(function)}
    if function.kind == "http":
        found |= {
            "method": function.method,
            "path": function.path,
            "public": function.scope is None,
            "scope": function.scope or "",
        }
    elif function.kind == "ws":
        found |= {"path": function.path, "public": function.scope is None, "scope": function.scope or ""}
    if function.form != "cift":
        found["form"] = function.form
    if function.kind == "on":
        found |= {
            "stream": function.stream,
            "subject": function.subject or "",
            "batch": function.batch,
            "effects": function.effects,
            "keepsOffset": function.keeps_offset,
            "lingerSeconds": function.linger_s,
        }
    elif function.kind == "every":
        found["everySeconds"] = int(function.seconds) if function.seconds.is_integer() else function.seconds
    elif function.kind == "daemon":
        found["market"] = function.market
    found["scale"] = {
        "min": function.scale.min,
        "max": function.scale.max,
        "concurrency": function.scale.concurrency,
    }
    found["timeoutSeconds"] = math.ceil(function.timeout_s)
    found["needs"] = [store for store in STORES if store in reached]
    found["postgresPool"] = pool(function)
    found["extras"] = list(function.extras)
    found["resources"] = _RESOURCES[function.kind]
    return found


def function_map(functions: Iterable[Function]) -> dict[str, Any]:
    """The content of the file."""
    items = {kebab(function): item(function) for function in functions}
    pages = {path: {"file": page_file(path), "media": media} for path, media in GATEWAY_PAGES.items()}
    return {"functions": dict(sorted(items.items())), "pages": pages}


def check_budget(functions: Iterable[Function], max_connections: int) -> int:
    """The connections that all copies of all functions can open.

    Raises:
        OverBudget: they exceed `max_connections` minus the reserved ones.
    """
    opened = sorted(
        ((function.scale.max * pool(function), function.name) for function in functions), reverse=True
    )
    total = sum(count for count, _ in opened)
    budget = max_connections - RESERVED_CONNECTIONS
    if total > budget:
        worst = ", ".join(f"{name} {count}" for count, name in opened[:WORST_NAMED])
        raise OverBudget(
            f"the functions can open {total} connections to PostgreSQL, but only {budget} are available"
            f" (postgres.maxConnections {max_connections} minus {RESERVED_CONNECTIONS}); the most: {worst}."
            " Lower Scale(max=…) of some, or raise postgres.maxConnections in charts/cift/values.yaml"
        )
    return total
