"""charts/cift/functions.gen.yaml: one item per function, by its name in the cluster. The chart merges
`functions.<name>` of its values over it.

The database connections have a budget. The functions connect to a pooler: Σ max-scale × pool must not
exceed what one replica of it accepts, so that one alone can serve all functions. The replicas' own
connections must not exceed PostgreSQL's `max_connections`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
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
    """The functions can open more connections than the pooler accepts, or the pooler more than PostgreSQL;
    the text names the sum and the remedy."""


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


@dataclass(frozen=True)
class Connections:
    """What the chart's values allow."""

    server: int
    """PostgreSQL's max_connections."""
    replicas: int
    """Of the pooler. During a rollout there is one more."""
    each: int
    """Connections of one replica to PostgreSQL."""
    clients: int
    """Connections of functions that one replica accepts."""

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Connections":
        """Read the chart's values."""
        pooler = values["pooler"]
        return cls(
            values["postgres"]["maxConnections"],
            pooler["replicas"],
            pooler["connections"],
            pooler["clientsMax"],
        )


def check_budget(functions: Iterable[Function], allowed: Connections) -> int:
    """The connections that all copies of all functions can open to the pooler.

    Raises:
        OverBudget: one replica of the pooler does not accept that many, or all replicas together can open
            more than PostgreSQL accepts, minus the reserved ones.
    """
    opened = sorted(
        ((function.scale.max * pool(function), function.name) for function in functions), reverse=True
    )
    total = sum(count for count, _ in opened)
    if total > allowed.clients:
        worst = ", ".join(f"{name} {count}" for count, name in opened[:WORST_NAMED])
        raise OverBudget(
            f"the functions can open {total} connections to the pooler, but a replica of it accepts only"
            f" {allowed.clients}; the most: {worst}."
            " Lower Scale(max=…) of some, or raise pooler.clientsMax in charts/cift/values.yaml"
        )
    behind, free = (allowed.replicas + 1) * allowed.each, allowed.server - RESERVED_CONNECTIONS
    if behind > free:
        raise OverBudget(
            f"{allowed.replicas} replicas of the pooler, and one more during a rollout, can open {behind}"
            f" connections to PostgreSQL, but only {free} are available (postgres.maxConnections"
            f" {allowed.server} minus {RESERVED_CONNECTIONS}). Lower pooler.connections, or raise"
            " postgres.maxConnections in charts/cift/values.yaml"
        )
    return total
