"""charts/cift/functions.gen.yaml: one entry a function, by its name in the cluster; the chart merges
`functions.<name>` of its values over it.

Connections are a budget: Σ max-scale × pool must fit PostgreSQL's `max_connections`.
"""

import math
from collections.abc import Iterable
from typing import Any

from cift.function import Function
from cift.generate.needs import STORES, needs
from cift.host.openapi import PAGES

RESERVED_CONNECTIONS = 20
"""For migrations, the operator, backups and PostgreSQL's own superuser slots."""
POOL_HTTP = 2
"""Connections of a copy: a request that finds none waits for one, not long: a transaction takes 1 ms."""
POOL_ONE_AT_A_TIME = 1
WORST_NAMED = 5

# Requests are what a copy was measured to use (`python -m bench cold`), limits leave it room to work.
_RESOURCES = {
    "http": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "256Mi"}},
    "ws": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "768Mi"}},
    "on": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    "every": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
    "daemon": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "768Mi"}},
}


GATEWAY_PAGES = {**PAGES, "/openapi.json": "application/json"}
"""What the gateway answers itself, from its image: path and media type."""


def page_file(path: str) -> str:
    """The file of such a page: `/docs/swagger-ui.css` → `docs.swagger-ui.css`."""
    return path.removeprefix("/").replace("/", ".")


class OverBudget(Exception):
    """The functions together could open more connections than PostgreSQL takes; says how many, and whose."""


def kebab(function: Function) -> str:
    """`trading.place_order` → `trading-place-order`: service, image, account and policy in the cluster."""
    return function.name.replace(".", "-").replace("_", "-")


def pool(function: Function) -> int:
    """Connections that each copy of the function may open; 0 where it opens none."""
    if "postgres" not in needs(function):
        return 0
    return POOL_HTTP if function.kind == "http" else POOL_ONE_AT_A_TIME


def entry(function: Function) -> dict[str, Any]:
    """What the chart knows of a function."""
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
    elif function.kind == "on":
        found |= {
            "stream": function.stream,
            "subject": function.subject or "",
            "batch": function.batch,
            "effects": function.effects,
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
    """The whole file."""
    entries = {kebab(function): entry(function) for function in functions}
    pages = {path: {"file": page_file(path), "media": media} for path, media in GATEWAY_PAGES.items()}
    return {"functions": dict(sorted(entries.items())), "pages": pages}


def check_budget(functions: Iterable[Function], max_connections: int) -> int:
    """The connections that all copies of all functions can open.

    Raises:
        OverBudget: they are more than `max_connections` less those that are reserved.
    """
    opened = sorted(
        ((function.scale.max * pool(function), function.name) for function in functions), reverse=True
    )
    total = sum(count for count, _ in opened)
    budget = max_connections - RESERVED_CONNECTIONS
    if total > budget:
        worst = ", ".join(f"{name} {count}" for count, name in opened[:WORST_NAMED])
        raise OverBudget(
            f"the functions can open {total} connections to PostgreSQL, and {budget} are theirs"
            f" (postgres.maxConnections {max_connections} less {RESERVED_CONNECTIONS}); the most: {worst}."
            " Lower Scale(max=…) of some, or raise postgres.maxConnections in charts/cift/values.yaml"
        )
    return total
